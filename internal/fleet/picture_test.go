package fleet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// camera is a printer that can be seen.
type camera struct{ *printer }

// Sight is nil.
func (camera) Sight() error { return nil }

// Watch shows it every second.
func (camera) Watch(ctx context.Context, show func([]byte)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		show([]byte("jpeg"))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// film lets somebody watch in the background and gives how that ended.
func (h *house) film(ctx context.Context, actor grove.Actor, frames chan string) chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- h.Film(ctx, actor, serial, func(jpeg []byte) error {
			frames <- string(jpeg)
			return nil
		})
	}()
	return ended
}

func TestOnlyALinkThatShowsItsPrinterHasAPicture(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if err := h.Pictured(h.actor, serial); !errors.Is(err, grove.NotFound) || !grove.HasReason(err, fleet.ReasonNoPicture) {
		t.Errorf("away: %v", err)
	}
	h.Attach(serial, &printer{})
	if err := h.Pictured(h.actor, serial); !grove.HasReason(err, fleet.ReasonNoPicture) {
		t.Errorf("by MQTT alone: %v", err)
	}
	detach := h.Attach(serial, camera{&printer{}})
	if got, err := h.Picture(t.Context(), h.actor, serial); err != nil || string(got) != "jpeg" {
		t.Errorf("got %q %v", got, err)
	}
	if _, err := h.Picture(t.Context(), grove.Actor{Kind: grove.ActorUser, UserID: 7}, serial); !grove.HasReason(err, grove.ReasonPrinterNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	detach("gone")
	if err := h.Pictured(h.actor, serial); !grove.HasReason(err, fleet.ReasonNoPicture) {
		t.Errorf("gone: %v", err)
	}
}

func TestAFilmEndsWithWhatItShowsAndWithWhoWatches(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, detach func(string), cancel func()){
		"the printer leaves": func(_ *house, detach func(string), _ func()) { detach("gone") },
		"the viewer leaves":  func(_ *house, _ func(string), cancel func()) { cancel() },
		"the session ends":   func(h *house, _ func(string), _ func()) { h.EndFilms("s1") },
		"it is unbound": func(h *house, _ func(string), _ func()) {
			if err := h.Unbind(context.Background(), h.actor, serial); err != nil {
				h.t.Error(err)
			}
		},
		"ten minutes are over": func(*house, func(string), func()) { <-time.After(10 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				detach := h.Attach(serial, camera{&printer{}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				actor := h.actor
				actor.SessionID = "s1"
				frames := make(chan string, 1000)
				ended := h.film(ctx, actor, frames)
				<-time.After(2500 * time.Millisecond)
				if len(frames) != 3 {
					t.Errorf("%d pictures in 2.5 s, want 3", len(frames))
				}
				end(h, detach, cancel)
				<-time.After(time.Second)
				select {
				case err := <-ended:
					if err != nil {
						t.Errorf("ended with %v", err)
					}
				default:
					t.Error("it goes on")
					cancel()
					<-ended
				}
				detach("over")
				synctest.Wait()
			})
		})
	}
}

func TestFilmsOfOnePrinterAreFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		detach := h.Attach(serial, camera{&printer{}})
		ctx, cancel := context.WithCancel(t.Context())
		frames := make(chan string, 1000)
		var ended []chan error
		for range 50 {
			ended = append(ended, h.film(ctx, h.actor, frames))
		}
		synctest.Wait()
		err := h.Film(ctx, h.actor, serial, func([]byte) error { return nil })
		if !errors.Is(err, grove.Limited) || grove.AsError(err).RetryAfter == 0 {
			t.Errorf("the fifty-first: %v", err)
		}
		cancel()
		for _, e := range ended {
			<-e
		}
		if err := h.Film(t.Context(), h.actor, serial, func([]byte) error { return errors.New("full") }); err != nil {
			t.Errorf("after they left: %v", err)
		}
		detach("over")
		synctest.Wait()
	})
}
