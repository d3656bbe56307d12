package server

import (
	"context"
	"sync"

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

// filmed is the link of a printer that can be looked at.
type filmed struct {
	broker.Link
	picture func() ([]byte, error)
}

// Picture is the printer as it looks now.
func (f filmed) Picture(context.Context) ([]byte, error) { return f.picture() }
