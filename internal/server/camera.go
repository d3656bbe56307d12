package server

import (
	"context"
	"sync"
	"time"

	"github.com/grovecloud/grove/internal/broker"
	"github.com/grovecloud/grove/internal/fleet"
)

// cameras are the printers that live in this process and can be looked at, by
// serial. A printer that dials in over MQTT has no way to send its picture.
type cameras struct {
	mu sync.Mutex
	by map[string]func() ([]byte, error)
}

func (c *cameras) add(serial string, picture func() ([]byte, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]func() ([]byte, error){}
	}
	c.by[serial] = picture
}

// attach tells the fleet of a link: with a picture where there is a camera.
func (c *cameras) attach(f *fleet.Fleet, serial string, link broker.Link) (detach func(reason string)) {
	c.mu.Lock()
	picture := c.by[serial]
	c.mu.Unlock()
	if picture == nil {
		return f.Attach(serial, link)
	}
	return f.Attach(serial, filmed{link, picture})
}

// frameEvery is how often a printer of this process is drawn.
const frameEvery = time.Second

// filmed is the link of a printer that can be looked at.
type filmed struct {
	broker.Link
	picture func() ([]byte, error)
}

// Sight is nil: it can be drawn any time.
func (filmed) Sight() error { return nil }

// Watch draws it until ctx ends.
func (f filmed) Watch(ctx context.Context, show func(jpeg []byte)) error {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		picture, err := f.picture()
		if err != nil {
			return err
		}
		show(picture)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
