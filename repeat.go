package grove

import "time"

// Repeat is a request that may be sent twice and is done once: a user's, by the
// key they gave it. Status is 0 while Process does it.
type Repeat struct {
	UserID  int64
	Key     string
	Request string // hash of what was asked
	Process string // the run of the server that does it
	Status  int    // of the answer
	Answer  []byte
	At      time.Time
}
