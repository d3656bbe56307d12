package webhook

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/grovecloud/grove"
)

func TestWhoTestsAnEndpointSeesItsAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{answer: func(ctx context.Context, _ string, n int) (Answer, error) {
			select {
			case <-time.After(time.Duration(n) * 1500 * time.Millisecond):
			case <-ctx.Done():
			}
			if n == 1 {
				return Answer{Status: 418, Excerpt: "short and stout"}, nil
			}
			return Answer{}, errors.New("nobody is there")
		}})
		e := b.endpoint(t, "https://example.org/hook")
		defer b.run(t)()
		d, err := b.Test(t.Context(), b.actor, e.ID, 20*time.Second)
		if err != nil || d.State != grove.DeliveryPending || d.LastStatus != 418 || d.LastResponse != "short and stout" || d.LastError == "" || d.LastSeconds != 1.5 || d.Attempts != 1 {
			t.Errorf("%+v %v", d, err)
		}
		if d, err = b.Test(t.Context(), b.actor, e.ID, 20*time.Second); err != nil || d.LastStatus != 0 || d.LastError == "" || d.LastSeconds != 3 {
			t.Errorf("without an answer: %+v %v", d, err)
		}
		begun := time.Now()
		if d, err = b.Test(t.Context(), b.actor, e.ID, time.Second); err != nil || d.Attempts != 0 || time.Since(begun) != time.Second {
			t.Errorf("an answer that comes too late, after %v: %+v %v", time.Since(begun), d, err)
		}
		if len(b.heeded) != 0 {
			t.Errorf("%d deliveries are waited for still", len(b.heeded))
		}
		stored := b.log(t, e)
		if last := stored[len(stored)-1]; last.LastSeconds != 1.5 || len(last.Body) == 0 {
			t.Errorf("in the log: %+v", last)
		}
	})
}

func TestANewSecretSignsWhatIsSentFromThenOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e := b.endpoint(t, "https://example.org/hook")
		stop := b.run(t)
		b.fact(t, "one")
		synctest.Wait()
		renewed, err := b.Renew(t.Context(), b.actor, e.ID)
		if err != nil || renewed.Secret == e.Secret || renewed.Secret == "" || renewed.URL != e.URL {
			t.Fatalf("%+v %v", renewed, err)
		}
		b.fact(t, "two")
		synctest.Wait()
		stop()
		sent := b.world.seen()
		for i, secret := range []grove.Secret{e.Secret, renewed.Secret} {
			for j, s := range sent {
				wh, err := standardwebhooks.NewWebhook(string(secret))
				if err != nil {
					t.Fatal(err)
				}
				header := http.Header{}
				for k, v := range s.header {
					header.Set(k, v)
				}
				if genuine := wh.VerifyIgnoringTimestamp([]byte(s.body), header) == nil; genuine != (i == j) {
					t.Errorf("delivery %d by secret %d: %t", j, i, genuine)
				}
			}
		}
		if len(sent) != 2 {
			t.Errorf("%d deliveries", len(sent))
		}
	})
}
