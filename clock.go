package grove

import "time"

// Clock is the server's time. While Held, no job starts: the clock jumped, or was
// in the past when the server started, and an owner has to confirm the time.
type Clock struct {
	Now  time.Time `json:"now"`
	Held bool      `json:"held"`
	Why  string    `json:"why,omitempty"`
}
