package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// Reasons why there is no picture.
const (
	ReasonNoPicture = "no_picture"     // NotFound: the printer is away, or nothing on the way to it carries pictures
	ReasonDark      = "no_picture_yet" // Unavailable: its camera sends none
)

// Picturing is a link that also shows its printer. MQTT carries no pictures, so a
// link over MQTT alone is none.
type Picturing interface {
	// Sight is nil, or why the printer can't be seen now.
	Sight() error
	// Watch shows each new picture as JPEG, which nobody changes after, until ctx ends
	// or it fails. It is called by one at a time.
	Watch(ctx context.Context, show func(jpeg []byte)) error
}

// The bounds of films.
const (
	filmLife    = 10 * time.Minute
	filmsOfOne  = 50
	filmsOfAll  = 500
	filmsFreeIn = 30 * time.Second // what one too many is told to wait
)

// Pictured reports whether the actor's printer can be seen now: nil, or why not.
func (f *Fleet) Pictured(actor grove.Actor, serial string) error {
	_, camera, err := f.camera(f.may(actor, grove.ReadPrinter, serial))
	if err != nil {
		return err
	}
	return camera.Sight()
}

// camera is what takes the pictures of a printer.
func (f *Fleet) camera(u *unit, err error) (*unit, lens, error) {
	if err != nil {
		return nil, lens{}, err
	}
	u.mu.Lock()
	link, number := u.link, u.epoch
	u.mu.Unlock()
	if link == nil {
		return nil, lens{}, u.unseen()
	}
	if camera, ok := link.(Picturing); ok {
		return u, lens{camera, number}, nil
	}
	return nil, lens{}, blind(u.serial)
}

// view is whether a printer that is connected can be seen, as far as was looked.
type view struct {
	open   bool
	why    string // why not
	looked time.Time
}

// plain is what of it is told.
func (v view) plain() view { return view{open: v.open, why: v.why} }

// lookEvery is how often it is looked whether a printer can be seen: it depends on what it
// says of itself, and on what is installed where the server runs.
const lookEvery = 5 * time.Second

// lookAt notes whether there could be a picture of a printer that is there.
func (u *unit) lookAt(now time.Time) {
	u.mu.Lock()
	link, epoch := u.link, u.epoch
	due := link != nil && now.Sub(u.view.looked) >= lookEvery
	u.mu.Unlock()
	if !due {
		return
	}
	err := blind(u.serial)
	if camera, ok := link.(Picturing); ok {
		err = camera.Sight() // which may ask for the printer's state: not under its lock
	}
	seen := view{open: err == nil, looked: now}
	if err != nil {
		seen.why = grove.AsError(err).Message
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.epoch != epoch || u.link == nil {
		return
	}
	told := u.view.plain()
	u.view = seen
	if told != seen.plain() {
		u.show()
	}
}

// blind is the answer for a printer whose way to the server carries no pictures.
func blind(serial string) error {
	return grove.Errorf(grove.NotFound, ReasonNoPicture, "printer %s is connected by MQTT alone, which carries no pictures", serial)
}

// unseen is the answer for a printer without a link, or whose link just went: a person
// must learn of a stranger there, not only that somebody left.
func (u *unit) unseen() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	why := ""
	switch {
	case u.quarantined():
		why = ": " + quarantine(*u.lan)
	case u.trouble != "":
		why = ": " + placeless(u.trouble, u.lan)
	}
	return grove.Errorf(grove.NotFound, ReasonNoPicture, "printer %s is not connected, so there is no picture of it%s", u.serial, why)
}

// filmed is how a film of the printer ended.
func (u *unit) filmed(ctx context.Context, camera lens, show func(jpeg []byte) error) error {
	err := u.eye.film(ctx, camera, show)
	if errors.Is(err, errParted) {
		return u.unseen()
	}
	return err
}

// Picture is the actor's printer as it looks now, as JPEG.
func (f *Fleet) Picture(ctx context.Context, actor grove.Actor, serial string) ([]byte, error) {
	u, camera, err := f.camera(f.may(actor, grove.ReadPrinter, serial))
	if err != nil {
		return nil, err
	}
	return u.still(ctx, camera)
}

// Still is a printer as it looks now, as JPEG, for the house itself.
func (f *Fleet) Still(ctx context.Context, serial string) ([]byte, error) {
	u, camera, err := f.camera(f.unit(serial))
	if err != nil {
		return nil, err
	}
	return u.still(ctx, camera)
}

var errTaken = errors.New("taken")

// still is the first picture of a film.
func (u *unit) still(ctx context.Context, camera lens) (picture []byte, err error) {
	if err := camera.Sight(); err != nil {
		return nil, err
	}
	err = u.filmed(ctx, camera, func(jpeg []byte) error {
		picture = jpeg
		return errTaken
	})
	if picture == nil {
		return nil, fmt.Errorf("take picture of printer %s: %w", u.serial, err)
	}
	return picture, nil
}

// Film shows the actor's printer, each picture that its camera sends and the slower
// viewer's share of them, until ctx ends, ten minutes are over, the printer leaves or
// is the actor's no more, the actor's session ends, or show fails. Only what keeps it
// from beginning is an error.
func (f *Fleet) Film(ctx context.Context, actor grove.Actor, serial string, show func(jpeg []byte) error) error {
	u, camera, err := f.camera(f.may(actor, grove.ReadPrinter, serial))
	if err == nil {
		err = camera.Sight()
	}
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
	began := false
	err = u.filmed(ctx, camera, func(jpeg []byte) error {
		if _, _, err := f.camera(f.may(actor, grove.ReadPrinter, serial)); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		began = true
		return show(jpeg)
	})
	if began {
		return nil
	}
	return err
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
