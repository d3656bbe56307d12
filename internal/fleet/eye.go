package fleet

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// The times of an eye.
const (
	linger       = 10 * time.Second // for how long a camera is still read when nobody watches any more
	firstPicture = 20 * time.Second // a viewer waits for
	nextPicture  = time.Minute
	eyeRetry     = time.Second // the first pause after a failure; then twice that
	eyeRetries   = time.Minute // the longest pause, and after how long without a failure the first one is due again
)

// eye reads the camera of a printer, with one reader however many watch, and only
// while somebody does: some printers bear one viewer. The newest picture wins, so
// that a slow viewer misses some and delays nobody.
type eye struct {
	serial string
	log    *slog.Logger
	turn   chan struct{}   // holds the reader
	all    *sync.WaitGroup // of all eyes' readers

	mu      sync.Mutex
	viewers int
	stop    context.CancelFunc // ends the reader; nil: there is none
	idle    *time.Timer        // until it ends for want of viewers
	now     scene
	pause   time.Duration // after the last failure
	again   time.Time     // not tried before
	told    string        // the reason in the log
}

// lens is what takes the pictures of a printer, with the number of its link.
type lens struct {
	Picturing
	link uint64
}

// scene is what there is to see.
type scene struct {
	link    uint64        // the number of the link by which it is seen
	parted  uint64        // the last link that is no more
	picture []byte        // the newest; nil: none since the last failure
	count   uint64        // of pictures
	failed  error         // why there are no pictures; nil while it is tried
	fresh   chan struct{} // closed and renewed when there is something new
}

func (f *Fleet) newEye(serial string) *eye {
	return &eye{serial: serial, log: f.Log, turn: make(chan struct{}, 1), all: &f.readers, now: scene{fresh: make(chan struct{})}}
}

// shut ends all readers, for good.
func (f *Fleet) shut() {
	f.mu.RLock()
	for _, u := range f.units {
		u.eye.part(math.MaxUint64)
	}
	f.mu.RUnlock()
	f.readers.Wait()
}

// film shows the printer as it looks now, and then each new picture, until ctx ends,
// show fails, no picture comes for a minute, or the printer is not reached by this
// link any more.
func (e *eye) film(ctx context.Context, camera lens, show func(jpeg []byte) error) error {
	if err := e.enter(camera); err != nil {
		return err
	}
	defer e.leave()
	patience := time.NewTimer(firstPicture)
	defer patience.Stop()
	for shown := uint64(0); ; {
		now := e.look()
		switch {
		case now.link != camera.link || now.link <= now.parted:
			return errParted
		case now.picture != nil && now.count != shown:
			if err := show(now.picture); err != nil {
				return err
			}
			shown = now.count
			patience.Reset(nextPicture)
			continue
		case now.failed != nil && shown == 0:
			return now.failed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-now.fresh:
		case <-patience.C:
			return grove.Errorf(grove.Unavailable, ReasonDark, "the printer's camera sends no picture; try again in a moment")
		}
	}
}

// enter adds a viewer; the first one opens the eye. Right after a failure it stays
// closed: printers lock out who tries too often.
func (e *eye) enter(camera lens) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if camera.link < e.now.link || camera.link <= e.now.parted {
		return errParted
	}
	if camera.link > e.now.link {
		e.end()
		e.now.link, e.now.failed = camera.link, nil
		e.renew()
	}
	if e.stop == nil {
		if time.Now().Before(e.again) && e.now.failed != nil {
			return e.now.failed
		}
		e.now.failed = nil
		ctx, stop := context.WithCancel(context.Background())
		e.stop = stop
		e.all.Go(func() { e.run(ctx, camera) })
	}
	if e.idle != nil {
		e.idle.Stop()
	}
	e.viewers++
	return nil
}

func (e *eye) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.viewers--
	if e.viewers == 0 {
		e.idle = time.AfterFunc(linger, e.blink)
	}
}

// blink ends the reader unless somebody came meanwhile.
func (e *eye) blink() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.viewers == 0 {
		e.end()
	}
}

// end ends the reader. What it saw is old then. The caller holds mu.
func (e *eye) end() {
	if e.stop != nil {
		e.stop()
		e.stop, e.now.picture = nil, nil
	}
}

// part ends the reader and all films of a link that is no more, or of one before it.
func (e *eye) part(link uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if link <= e.now.parted {
		return
	}
	e.now.parted = link
	if e.now.link <= link {
		e.end()
		e.renew()
	}
}

// errParted ends a film whose link is no more; [unit.unseen] says what became of it.
var errParted = errors.New("parted")

func (e *eye) look() scene {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// renew wakes who waits. The caller holds mu.
func (e *eye) renew() {
	close(e.now.fresh)
	e.now.fresh = make(chan struct{})
}

// run reads again and again until ctx ends, once the reader before it has ended.
func (e *eye) run(ctx context.Context, camera lens) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := camera.Sight()
		if err == nil {
			err = camera.Watch(ctx, func(picture []byte) { e.publish(ctx, picture) })
		}
		timer := time.NewTimer(e.fail(ctx, err, time.Since(began) > eyeRetries))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// publish shows a picture, unless its reader is to end.
func (e *eye) publish(ctx context.Context, picture []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	e.now.picture, e.now.failed = picture, nil
	e.now.count++
	e.renew()
}

// fail notes why there are no pictures and gives how long to wait. well: they came
// for long.
func (e *eye) fail(ctx context.Context, err error, well bool) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil {
		return 0
	}
	if well {
		e.pause, e.told = 0, ""
	}
	e.pause = min(max(2*e.pause, eyeRetry), eyeRetries)
	if reason := grove.AsError(err).Reason; reason != e.told { // the tenth failure in a row is no news
		e.told = reason
		e.log.Warn("camera not read", slog.String("printer", e.serial), slog.String("reason", reason), slog.Any("error", err))
	}
	e.now.picture, e.now.failed, e.again = nil, err, time.Now().Add(e.pause)
	e.renew()
	return e.pause
}
