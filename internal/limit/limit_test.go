package limit_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pass lets the bubble's clock run on.
func pass(d time.Duration) { <-time.After(d) }

func take(t *testing.T, l *limit.Limiter, c limit.Class, key string, times int) {
	t.Helper()
	for i := range times {
		if d := l.Take(c, key); !d.Allowed {
			t.Fatalf("%s %d of %d refused: %+v", c, i+1, times, d)
		}
	}
}

func TestExactlyTheAllowanceIsAdmitted(t *testing.T) {
	t.Parallel()
	rules, err := limit.Parse("spec")
	if err != nil {
		t.Fatal(err)
	}
	for class, rate := range rules {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := limit.New(rules)
				for i := range rate.N {
					want := limit.Decision{
						Class: class, Rate: rate, Allowed: true, Limit: rate.N, Remaining: rate.N - i - 1,
						Reset: time.Now().Add(rate.Period).UTC(),
					}
					if diff := cmp.Diff(want, l.Take(class, "u1")); diff != "" {
						t.Fatalf("act %d (-want +got):\n%s", i+1, diff)
					}
				}
				want := limit.Decision{
					Class: class, Rate: rate, Limit: rate.N,
					Reset: time.Now().Add(rate.Period).UTC(), RetryAfter: rate.Period,
				}
				if diff := cmp.Diff(want, l.Take(class, "u1")); diff != "" {
					t.Errorf("one too many (-want +got):\n%s", diff)
				}
				take(t, l, class, "u2", rate.N)
				pass(rate.Period - time.Nanosecond)
				if l.Take(class, "u1").Allowed {
					t.Error("admitted before the period was over")
				}
				pass(time.Nanosecond)
				take(t, l, class, "u1", rate.N)
			})
		})
	}
}

func TestTheWindowHasNoBoundaryToCrowdAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.MQTT: {N: 100, Period: time.Minute}})
		pass(59 * time.Second)
		take(t, l, limit.MQTT, "u1", 100)
		pass(2 * time.Second) // a fresh minute for who counts by the clock
		if d := l.Take(limit.MQTT, "u1"); d.Allowed || d.RetryAfter != 58*time.Second {
			t.Errorf("the 101st in two seconds: %+v", d)
		}
	})
}

func TestRefusedActsDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.Uploads: {N: 10, Period: time.Hour}})
		take(t, l, limit.Uploads, "u1", 10)
		for range 59 {
			pass(time.Minute)
			if l.Take(limit.Uploads, "u1").Allowed {
				t.Fatal("admitted within the hour")
			}
		}
		pass(time.Minute)
		take(t, l, limit.Uploads, "u1", 10)
	})
}

func TestRetryAfterIsTruthful(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.Requests: {N: 1000, Period: time.Hour}})
		for range 1000 {
			take(t, l, limit.Requests, "u1", 1)
			pass(3700 * time.Millisecond / 2) // half the hour in all
		}
		for range 300 {
			d := l.Take(limit.Requests, "u1")
			if d.Allowed {
				continue
			}
			pass(d.RetryAfter - 1)
			if l.Take(limit.Requests, "u1").Allowed {
				t.Fatal("admitted before RetryAfter")
			}
			pass(1)
			take(t, l, limit.Requests, "u1", 1)
		}
	})
}

func TestAfterResetTheWholeAllowanceIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.MQTT: {N: 100, Period: time.Minute}})
		for range 100 {
			take(t, l, limit.MQTT, "u1", 1)
			pass(300 * time.Millisecond)
		}
		d := l.Take(limit.MQTT, "u1")
		if d.Allowed || d.Remaining != 0 {
			t.Fatalf("the 101st: %+v", d)
		}
		pass(time.Until(d.Reset))
		take(t, l, limit.MQTT, "u1", 100)
	})
}

func TestAClassWithoutARuleIsUnlimited(t *testing.T) {
	t.Parallel()
	rules, err := limit.Parse("off")
	if err != nil {
		t.Fatal(err)
	}
	l := limit.New(rules)
	for range 5000 {
		if d := l.Take(limit.Requests, "u1"); !d.Allowed || !d.Unlimited || d.Err() != nil {
			t.Fatalf("Take = %+v, %v", d, d.Err())
		}
	}
}

func TestARefusalSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.MQTT: {N: 1, Period: time.Minute}})
		if err := l.Take(limit.MQTT, "u1").Err(); err != nil {
			t.Errorf("an allowed act has an error: %v", err)
		}
		pass(500 * time.Millisecond)
		err := l.Take(limit.MQTT, "u1").Err()
		want := &grove.Error{
			Code: grove.Limited, Reason: grove.ReasonRateLimited, RetryAfter: 59500 * time.Millisecond,
			Message: "too many MQTT messages: at most 1/min; try again in 60 s",
		}
		if diff := cmp.Diff(want, grove.AsError(err)); diff != "" || !errors.Is(err, grove.Limited) {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestManyAtOnceGetNoMoreThanTheAllowance(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Rules{limit.Requests: {N: 1000, Period: time.Hour}})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 400 {
				if l.Take(limit.Requests, "u1").Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := admitted.Load(); n != 1000 {
		t.Errorf("%d admitted, want 1000", n)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(limit.Rules{limit.Requests: {N: 10, Period: time.Hour}})
		take(t, l, limit.Requests, "u1", 10)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := l.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		if l.Take(limit.Requests, "u1").Allowed {
			t.Error("Run forgot a key that was not idle")
		}
	})
}

func BenchmarkTake(b *testing.B) {
	l := limit.New(limit.Rules{limit.Requests: {N: 1000, Period: time.Hour}})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Take(limit.Requests, keys[i%len(keys)])
		i++
	}
}
