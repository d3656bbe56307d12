package library

import (
	"sync"

	"github.com/grovecloud/grove"
)

// claims are the files that one PUT, or the sweeper, holds at the moment.
type claims struct {
	mu   sync.Mutex
	held map[string]bool
}

// take holds a file for one at a time; release must be called when ok.
func (c *claims) take(fileID string) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[fileID] {
		return nil, false
	}
	if c.held == nil {
		c.held = map[string]bool{}
	}
	c.held[fileID] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.held, fileID)
	}, true
}

func (c *claims) has(fileID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[fileID]
}

func errRunning() error {
	return grove.Errorf(grove.Conflict, ReasonUploadRunning,
		"another upload to this link is going on; wait for it to end, or ask for a link of your own")
}
