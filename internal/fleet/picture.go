package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// ReasonNoPicture is NotFound: the printer is away, or nothing on the way to it
// carries pictures.
const ReasonNoPicture = "no_picture"

// Picturing is a link that also shows its printer: one JPEG, as it looks now. MQTT
// carries no pictures, so a link over MQTT alone is none.
type Picturing interface {
	Picture(ctx context.Context) ([]byte, error)
}

// The bounds of films. Each is a picture a second.
const (
	frameEvery  = time.Second
	filmLife    = 10 * time.Minute
	filmsOfOne  = 4
	filmsOfAll  = 64
	filmsFreeIn = 30 * time.Second // what one too many is told to wait
)

// Pictured reports whether the actor's printer can be seen now: nil, or why not.
func (f *Fleet) Pictured(actor grove.Actor, serial string) error {
	_, err := f.camera(actor, serial)
	return err
}

// camera is what takes the picture of the actor's printer.
func (f *Fleet) camera(actor grove.Actor, serial string) (func(context.Context) ([]byte, error), error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	link := u.link
	u.mu.Unlock()
	if link == nil {
		return nil, grove.Errorf(grove.NotFound, ReasonNoPicture, "printer %s is not connected, so there is no picture of it", serial)
	}
	if camera, ok := link.(Picturing); ok {
		return camera.Picture, nil
	}
	return nil, grove.Errorf(grove.NotFound, ReasonNoPicture, "printer %s is connected by MQTT alone, which carries no pictures", serial)
}

// Picture is the actor's printer as it looks now, as JPEG.
func (f *Fleet) Picture(ctx context.Context, actor grove.Actor, serial string) ([]byte, error) {
	take, err := f.camera(actor, serial)
	if err != nil {
		return nil, err
	}
	picture, err := take(ctx)
	if err != nil {
		return nil, fmt.Errorf("take picture: %w", err)
	}
	return picture, nil
}

// Film shows the actor's printer, a picture a second, until ctx ends, ten minutes
// are over, the printer leaves or is the actor's no more, the actor's session
// ends, or show fails. Only what keeps it from beginning is an error.
func (f *Fleet) Film(ctx context.Context, actor grove.Actor, serial string, show func(jpeg []byte) error) error {
	picture, err := f.Picture(ctx, actor, serial)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, filmLife)
	defer cancel()
	leave, err := f.films.enter(&film{serial, actor.SessionID, cancel})
	if err != nil {
		return err
	}
	defer leave()
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for err == nil && show(picture) == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			picture, err = f.Picture(ctx, actor, serial)
		}
	}
	return nil
}

// EndFilms ends what a session is watching.
func (f *Fleet) EndFilms(sessionID string) { f.films.end(sessionID) }

// film is one viewer of one printer.
type film struct {
	serial, session string
	cancel          context.CancelFunc
}

// films are all that run.
type films struct {
	mu  sync.Mutex
	all map[*film]bool
}

func (f *films) enter(one *film) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	same := 0
	for other := range f.all {
		if other.serial == one.serial {
			same++
		}
	}
	if same >= filmsOfOne || len(f.all) >= filmsOfAll {
		e := grove.Errorf(grove.Limited, grove.ReasonRateLimited, "as many are watching printer %s as may; end another stream, or try again later", one.serial)
		e.RetryAfter = filmsFreeIn
		return nil, e
	}
	if f.all == nil {
		f.all = map[*film]bool{}
	}
	f.all[one] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.all, one)
	}, nil
}

func (f *films) end(sessionID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for one := range f.all {
		if sessionID != "" && one.session == sessionID {
			one.cancel()
		}
	}
}
