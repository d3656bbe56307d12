package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFactIsDeliveredSignedAndAsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e := b.endpoint(t, "https://example.org/hook")
		stop := b.run(t)
		b.fact(t, "it is done")
		synctest.Wait()
		stop()

		sent := b.world.seen()
		if len(sent) != 1 || sent[0].url != e.URL {
			t.Fatalf("requests = %+v", sent)
		}
		wh, err := standardwebhooks.NewWebhook(string(e.Secret))
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		for k, v := range sent[0].header {
			header.Set(k, v)
		}
		if err := wh.Verify([]byte(sent[0].body), header); err != nil {
			t.Errorf("the signature does not hold: %v", err)
		}
		if err := wh.Verify([]byte(sent[0].body+" "), header); err == nil {
			t.Error("the signature holds for another body")
		}
		var body struct {
			Type      string          `json:"type"`
			Timestamp time.Time       `json:"timestamp"`
			Data      grove.EventData `json:"data"`
		}
		if err := json.Unmarshal([]byte(sent[0].body), &body); err != nil || body.Type != "print.completed" || body.Data.Reason != "it is done" {
			t.Errorf("body = %s, %v", sent[0].body, err)
		}
		d := b.log(t, e)[0]
		if d.State != grove.DeliveryDelivered || d.Attempts != 1 || d.LastStatus != 200 || d.LastResponse != "thanks" || d.DeliveredAt.IsZero() {
			t.Errorf("delivery = %+v", d)
		}
		if header.Get("Webhook-Id") != d.ID || strings.Contains(d.ID, ".") {
			t.Errorf("webhook-id %q, delivery %q", header.Get("Webhook-Id"), d.ID)
		}
	})
}

// The vector that the Standard Webhooks libraries publish.
func TestSignatureOfThePublishedVector(t *testing.T) {
	t.Parallel()
	d := grove.Delivery{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Body: []byte(`{"test": 2432232314}`)}
	h, err := headers(d, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", time.Unix(1614265330, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if h["webhook-timestamp"] != "1614265330" || h["webhook-id"] != d.ID {
		t.Errorf("headers = %v", h)
	}
}

func TestADeliveryIsTriedForThreeDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: always(Answer{Status: 500, Excerpt: "sorry"})})
		e := b.endpoint(t, "https://example.org/hook")
		stop := b.run(t)
		b.fact(t, "")
		<-time.After(100 * time.Hour)
		stop()

		sent := b.world.seen()
		if len(sent) != maxAttempts {
			t.Fatalf("%d requests, want %d", len(sent), maxAttempts)
		}
		for i, want := range gaps {
			got := sent[i+1].at.Sub(sent[i].at)
			if got < want*9/10 || got > want*11/10+time.Second {
				t.Errorf("wait %d is %s, want about %s", i+1, got, want)
			}
			if sent[i+1].header["webhook-id"] != sent[0].header["webhook-id"] {
				t.Errorf("attempt %d has another id", i+2)
			}
			if sent[i+1].header["webhook-timestamp"] != strconv.FormatInt(sent[i+1].at.Unix(), 10) {
				t.Errorf("attempt %d has the time of another", i+2)
			}
		}
		d := b.log(t, e)[0]
		if d.State != grove.DeliveryFailed || d.Attempts != maxAttempts || d.LastStatus != 500 || d.LastResponse != "sorry" || d.LastError == "" {
			t.Errorf("delivery = %+v", d)
		}
	})
}

func TestAFailedDeliveryCanBeReplayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var well bool
		b := newBench(t, &outside{})
		b.world.answer = func(context.Context, string, int) (Answer, error) {
			if well {
				return Answer{Status: 204}, nil
			}
			return Answer{}, &grove.Error{Code: grove.Unavailable, Message: "the server could not be reached"}
		}
		e := b.endpoint(t, "https://example.org/hook")
		b.fact(t, "")
		for n := range maxAttempts - 1 { // all but the last
			if err := b.db.BeginDelivery(t.Context(), b.log(t, e)[0].ID, n+1, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		defer b.run(t)()
		synctest.Wait()
		failed := b.log(t, e)[0]
		if failed.State != grove.DeliveryFailed || failed.LastError != "the server could not be reached" {
			t.Fatalf("delivery = %+v", failed)
		}
		well = true
		if _, err := b.Replay(t.Context(), b.other, failed.ID); !errors.Is(err, grove.NotFound) {
			t.Errorf("replay by somebody else: %v", err)
		}
		if _, err := b.Replay(t.Context(), b.actor, failed.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		d := b.log(t, e)[0]
		if d.State != grove.DeliveryDelivered || d.ID != failed.ID || d.Attempts != 1 || d.LastError != "" {
			t.Errorf("delivery = %+v", d)
		}
		sent := b.world.seen()
		if sent[0].header["webhook-id"] != sent[len(sent)-1].header["webhook-id"] || sent[0].body != sent[len(sent)-1].body {
			t.Error("the replay is another delivery")
		}
	})
}

func TestACrashAfterTheRequestCostsASecondOneNotALoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e := b.endpoint(t, "https://example.org/hook")
		// The process dies between the request and what it would have written down.
		b.world.answer = func(ctx context.Context, _ string, n int) (Answer, error) {
			if n == 1 {
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}
			return Answer{Status: 200}, nil
		}
		stop := b.run(t)
		b.fact(t, "")
		synctest.Wait()
		d := b.log(t, e)[0]
		if d.Attempts != 1 || d.State != grove.DeliveryPending || !d.NextAt.After(time.Now()) {
			t.Fatalf("while the first request is on its way: %+v", d)
		}
		stop()
		b.restart()
		defer b.run(t)()
		<-time.After(lease + 2*busyWait)
		d = b.log(t, e)[0]
		sent := b.world.seen()
		if len(sent) != 2 || d.State != grove.DeliveryDelivered || d.Attempts != 2 {
			t.Errorf("%d requests, delivery %+v", len(sent), d)
		}
		if sent[0].header["webhook-id"] != sent[1].header["webhook-id"] {
			t.Error("the receiver cannot tell that it is the same delivery")
		}
	})
}

func TestACrashInTheLastAttemptIsMadeUpFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e := b.endpoint(t, "https://example.org/hook")
		b.fact(t, "")
		d := b.log(t, e)[0]
		for n := range maxAttempts {
			if err := b.db.BeginDelivery(t.Context(), d.ID, n+1, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		defer b.run(t)()
		<-time.After(2 * time.Hour)
		if d := b.log(t, e)[0]; d.State != grove.DeliveryDelivered || len(b.world.seen()) != 1 {
			t.Errorf("%d requests, delivery %+v", len(b.world.seen()), d)
		}
	})
}

func TestTwoServersDoNotBothDeliver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(ctx context.Context, _ string, _ int) (Answer, error) {
			select {
			case <-time.After(14 * time.Second): // slower than the first retry
				return Answer{Status: 200}, nil
			case <-ctx.Done():
				return Answer{}, ctx.Err()
			}
		}})
		e := b.endpoint(t, "https://example.org/hook")
		first := b.Hooks
		defer b.run(t)()
		b.restart()
		defer b.run(t)()
		for range 3 {
			b.fact(t, "")
		}
		for range 60 { // both look all the time
			<-time.After(time.Second)
			first.Kick()
			b.Kick()
		}
		if n := len(b.world.seen()); n != 3 {
			t.Errorf("%d requests for 3 facts", n)
		}
		for _, d := range b.log(t, e) {
			if d.State != grove.DeliveryDelivered || d.Attempts != 1 {
				t.Errorf("delivery = %+v", d)
			}
		}
	})
}

func TestOneRequestAnEndpointAndThirtyTwoInAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var most int
		flying := map[string]int{}
		b := newBench(t, &outside{answer: func(_ context.Context, url string, _ int) (Answer, error) {
			mu.Lock()
			flying[url]++
			if flying[url] > 1 {
				t.Errorf("two requests to %s at once", url)
			}
			all := 0
			for _, n := range flying {
				all += n
			}
			most = max(most, all)
			mu.Unlock()
			<-time.After(3 * time.Second)
			mu.Lock()
			flying[url]--
			mu.Unlock()
			return Answer{Status: 200}, nil
		}})
		for i := range 36 {
			b.endpoint(t, fmt.Sprintf("https://example.org/%d", i))
		}
		defer b.run(t)()
		for range 2 {
			b.fact(t, "")
		}
		<-time.After(time.Minute)
		if n := len(b.world.seen()); n != 72 || most != maxFlying {
			t.Errorf("%d requests, at most %d at once; want 72 and %d", n, most, maxFlying)
		}
	})
}

func TestASlowEndpointDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(_ context.Context, url string, _ int) (Answer, error) {
			if strings.HasSuffix(url, "/slow") {
				<-time.After(14 * time.Second)
			}
			return Answer{Status: 200}, nil
		}})
		b.endpoint(t, "https://example.org/slow")
		quick := b.endpoint(t, "https://example.org/quick")
		defer b.run(t)()
		for range 10 {
			b.fact(t, "")
		}
		<-time.After(13 * time.Second) // the slow one has not answered its first yet
		for _, d := range b.log(t, quick) {
			if d.State != grove.DeliveryDelivered {
				t.Errorf("delivery = %+v", d)
			}
		}
	})
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	const wait = 5 * time.Second
	for _, tc := range []struct {
		name    string
		attempt int
		answer  Answer
		err     error
		state   grove.DeliveryState
		next    time.Duration // 0: none
	}{
		{"200", 1, Answer{Status: 200}, nil, grove.DeliveryDelivered, 0},
		{"299", 1, Answer{Status: 299}, nil, grove.DeliveryDelivered, 0},
		{"301", 1, Answer{Status: 301}, nil, grove.DeliveryPending, wait},
		{"400", 1, Answer{Status: 400, RetryAfter: time.Hour}, nil, grove.DeliveryPending, wait},
		{"410", 1, Answer{Status: 410}, nil, grove.DeliveryFailed, 0},
		{"429", 1, Answer{Status: 429}, nil, grove.DeliveryPending, wait},
		{"429 with a wait", 1, Answer{Status: 429, RetryAfter: time.Hour}, nil, grove.DeliveryPending, time.Hour},
		{"429 with a short wait", 1, Answer{Status: 429, RetryAfter: time.Second}, nil, grove.DeliveryPending, wait},
		{"502 with a wait", 1, Answer{Status: 502, RetryAfter: time.Hour}, nil, grove.DeliveryPending, time.Hour},
		{"503 with a year", 1, Answer{Status: 503, RetryAfter: 365 * 24 * time.Hour}, nil, grove.DeliveryPending, 24 * time.Hour},
		{"504 with a wait", 1, Answer{Status: 504, RetryAfter: time.Minute}, nil, grove.DeliveryPending, time.Minute},
		{"no answer", 1, Answer{}, errors.New("boom"), grove.DeliveryPending, wait},
		{"the last", maxAttempts, Answer{Status: 503, RetryAfter: time.Hour}, nil, grove.DeliveryFailed, 0},
		{"the last without answer", maxAttempts, Answer{}, errors.New("boom"), grove.DeliveryFailed, 0},
		{"the last, well", maxAttempts, Answer{Status: 200}, nil, grove.DeliveryDelivered, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := judge(grove.Delivery{Attempts: tc.attempt, LastError: "old"}, wait, tc.answer, tc.err)
			if d.State != tc.state {
				t.Errorf("%s: %s, want %s", tc.name, d.State, tc.state)
			}
			if tc.next == 0 != d.NextAt.IsZero() || tc.next > 0 && time.Until(d.NextAt) != tc.next {
				t.Errorf("%s: next at %s, want in %s", tc.name, d.NextAt, tc.next)
			}
			if delivered := tc.state == grove.DeliveryDelivered; delivered != (d.LastError == "") || delivered == d.DeliveredAt.IsZero() {
				t.Errorf("%s: error %q, delivered at %s", tc.name, d.LastError, d.DeliveredAt)
			}
			if strings.Contains(d.LastError, "boom") {
				t.Errorf("%s: a driver's text reached the user: %q", tc.name, d.LastError)
			}
		})
	}
}

func TestAnEndpointThatAsksForPeaceGetsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(_ context.Context, _ string, n int) (Answer, error) {
			if n == 1 {
				return Answer{Status: 429, RetryAfter: 10 * time.Minute}, nil
			}
			return Answer{Status: 200}, nil
		}})
		b.endpoint(t, "https://example.org/hook")
		defer b.run(t)()
		b.fact(t, "one")
		b.fact(t, "two")
		b.fact(t, "three")
		<-time.After(10*time.Minute - time.Second)
		if n := len(b.world.seen()); n != 1 {
			t.Errorf("%d requests while it wanted peace", n)
		}
		<-time.After(time.Minute)
		if n := len(b.world.seen()); n != 4 {
			t.Errorf("%d requests afterwards, want 4", n)
		}
	})
}

func TestGoneSwitchesTheEndpointOffAndOnItGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(_ context.Context, _ string, n int) (Answer, error) {
			if n == 1 {
				return Answer{Status: http.StatusGone}, nil
			}
			return Answer{Status: 200}, nil
		}})
		e := b.endpoint(t, "https://example.org/hook")
		defer b.run(t)()
		b.fact(t, "one")
		b.fact(t, "two")
		<-time.After(time.Minute)
		got, err := b.Endpoint(t.Context(), b.actor, e.ID)
		if err != nil || got.Enabled || !strings.Contains(got.Disabled, "410") || len(b.world.seen()) != 1 {
			t.Fatalf("endpoint %+v, %v after %d requests", got, err, len(b.world.seen()))
		}
		if _, err := b.Test(t.Context(), b.actor, e.ID, 0); !errors.Is(err, grove.Conflict) {
			t.Errorf("a test while it is off: %v", err)
		}
		on := true
		if got, err = b.Change(t.Context(), b.actor, e.ID, Change{Enabled: &on}); err != nil || got.Disabled != "" {
			t.Fatalf("switched on: %+v, %v", got, err)
		}
		synctest.Wait()
		states := map[grove.DeliveryState]int{}
		for _, d := range b.log(t, e) {
			states[d.State]++
		}
		want := map[grove.DeliveryState]int{grove.DeliveryFailed: 1, grove.DeliveryDelivered: 1}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStoppingWaitsForNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(ctx context.Context, _ string, _ int) (Answer, error) {
			<-ctx.Done()
			return Answer{Status: 200}, nil // the answer came as the server stopped
		}})
		e := b.endpoint(t, "https://example.org/hook")
		stop := b.run(t)
		b.fact(t, "")
		synctest.Wait()
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("stopping took %s", took)
		}
		if d := b.log(t, e)[0]; d.State != grove.DeliveryDelivered {
			t.Errorf("what was answered is not written down: %+v", d)
		}
	})
}

func TestDeliveriesGoOnAfterTheRecordsWereDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		b.endpoint(t, "https://example.org/hook")
		b.fact(t, "")
		down := &flaky{DB: b.db, fails: 3}
		b.Hooks = New(Config{Records: down, Poster: b.world, Log: slog.New(slog.DiscardHandler)})
		defer b.run(t)()
		<-time.After(5 * time.Minute)
		if n := len(b.world.seen()); n != 1 || len(down.tries) != 4 {
			t.Fatalf("%d requests, tried at %v", n, down.tries)
		}
		for i, at := range down.tries[1:] {
			if at.Sub(down.tries[i]) < time.Second {
				t.Errorf("tried again after %s", at.Sub(down.tries[i]))
			}
		}
	})
}

// flaky is a database whose disk is full for a while.
type flaky struct {
	*store.DB

	fails int
	tries []time.Time
}

func (f *flaky) BeginDelivery(ctx context.Context, id string, attempts int, nextAt time.Time) error {
	f.tries = append(f.tries, time.Now())
	if len(f.tries) <= f.fails {
		return errors.New("disk full")
	}
	return f.DB.BeginDelivery(ctx, id, attempts, nextAt)
}
