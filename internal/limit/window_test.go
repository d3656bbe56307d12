package limit

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the rate, the times and the keys, with room for every key or not: no
// stretch of time as long as the period has more than N acts of a key, and
// whoever waits as told is admitted.
func TestNoWindowEverHasMoreThanTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{
			N:      rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(grains-1, 200)).Draw(t, "n"),
			Period: time.Duration(rapid.SampledFrom([]int64{1, 59, 60, 1000, int64(time.Minute)}).Draw(t, "period")),
		}
		c := newClass(rate, rapid.IntRange(0, 3).Draw(t, "room"))
		admitted := map[string][]time.Duration{}
		var now time.Duration
		for range rapid.IntRange(1, 400).Draw(t, "acts") {
			if rapid.IntRange(0, 9).Draw(t, "pause") == 0 {
				now += time.Duration(rapid.Int64Range(0, 2*int64(rate.Period)).Draw(t, "long"))
			} else {
				now += time.Duration(rapid.Int64Range(0, 1+int64(rate.Period)/int64(rate.N)).Draw(t, "short"))
			}
			if rapid.IntRange(0, 19).Draw(t, "forget") == 0 {
				c.forget(now)
			}
			key := strconv.Itoa(rapid.IntRange(0, 4).Draw(t, "key"))
			got := c.take(key, now)
			if !got.allowed {
				if got.retry <= 0 || got.reset < got.retry || got.remaining != 0 {
					t.Fatalf("refused at %d with %+v", now, got)
				}
				if rapid.Bool().Draw(t, "obey") {
					now += got.retry
					if got = c.take(key, now); !got.allowed {
						t.Fatalf("refused at %d after waiting as told", now)
					}
				}
			}
			if !got.allowed {
				continue
			}
			times := append(admitted[key], now)
			admitted[key] = times
			if n := len(times); n > rate.N && times[n-1]-times[n-1-rate.N] < rate.Period {
				t.Fatalf("key %s had %d acts from %d to %d, the rate is %s", key, rate.N+1, times[n-1-rate.N], now, rate)
			}
		}
	})
}

func TestNewcomersShareOneWindowWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	c := newClass(Rate{N: 3, Period: time.Minute}, 2)
	const now = time.Hour
	for _, step := range []struct {
		at        time.Duration
		key       string
		allowed   bool
		remaining int
	}{
		{now, "first", true, 2},
		{now, "second", true, 2},
		{now, "third", true, 2},
		{now, "fourth", true, 1},
		{now, "fifth", true, 0},
		{now, "sixth", false, 0},
		{now, "first", true, 1},
		{now + 30*time.Second, "second", true, 1},
		{now + time.Minute - 1, "third", false, 0},
		{now + time.Minute, "third", true, 2}, // alone in the crowd: idle keys were looked for just now
		// The first is idle and makes room for the third, which brings along all that the crowd did.
		{now + 61*time.Second, "third", true, 1},
		{now + 61*time.Second, "fourth", true, 1},
		{now + 61*time.Second, "fourth", true, 0},
	} {
		got := c.take(step.key, step.at)
		if got.allowed != step.allowed || got.remaining != step.remaining {
			t.Errorf("%s at %s: %+v, want allowed %v, remaining %d", step.key, step.at, got, step.allowed, step.remaining)
		}
	}
}

func TestIdleKeysAreForgotten(t *testing.T) {
	t.Parallel()
	c := newClass(Rate{N: 100, Period: time.Minute}, maxKeys)
	for i := range 1000 {
		c.take(strconv.Itoa(i), time.Duration(i)*time.Millisecond)
	}
	c.forget(time.Minute + 499*time.Millisecond)
	if n := len(c.windows); n != 500 {
		t.Errorf("%d keys are remembered, want the 500 that were not idle", n)
	}
	c.forget(2 * time.Minute)
	if n := len(c.windows); n != 0 {
		t.Errorf("%d keys are remembered, want none", n)
	}
}

func TestABusyKeyKeepsFewEntries(t *testing.T) {
	t.Parallel()
	c := newClass(Rate{N: 1_000_000, Period: time.Hour}, maxKeys)
	for now := time.Duration(0); now < 3*time.Hour; now += 100 * time.Millisecond {
		c.take("busy", now)
	}
	if w := c.windows["busy"]; len(w.acts) > grains+1 || cap(w.acts) > 4*grains {
		t.Errorf("a busy key keeps %d entries in a slice of %d", len(w.acts), cap(w.acts))
	}
}

// Callers read the clock before they get the lock, so their times may come in
// any order. An act must not leave the window early for that.
func TestTimesThatComeOutOfOrderDoNotShortenTheWindow(t *testing.T) {
	t.Parallel()
	c := newClass(Rate{N: 100, Period: time.Minute}, maxKeys)
	for range 50 {
		c.take("k", 500*time.Millisecond)
		c.take("k", 100*time.Millisecond)
	}
	if got := c.take("k", time.Minute+400*time.Millisecond); got.allowed {
		t.Error("admitted while 100 acts lie within the period")
	}
}
