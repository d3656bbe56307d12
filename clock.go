package grove

import "time"

// Clock is the server's time. While Held, no job starts: the clock jumped, or was
// in the past when the server started, and an owner has to confirm the time.
type Clock struct {
	Now  time.Time `json:"now"`
	Held bool      `json:"held"`
	Why  string    `json:"why,omitempty"`
}

// ClockHold is why no job starts; nothing when Why is empty. Known is how late it
// was already when the clock was behind, so that one that is set to soon after it
// counts again by itself; zero when a person must confirm the time. Known without Why:
// the clock stood so long after it at the start that nothing old is removed yet.
type ClockHold struct {
	Why   string
	Known time.Time
}
