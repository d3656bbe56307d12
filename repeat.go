package grove

import "time"

// Repeat is a request that may be sent twice and is done once: a user's, by the
// key they gave it. Status is 0 while Process does it.
type Repeat struct {
	UserID int64
	// Holder is what somebody without an account shows in place of one, such as
	// the code they were given. UserID is 0 then.
	Holder  string
	Key     string
	Request string // hash of what was asked; may be told only at its end
	Process string // the one attempt that does it
	Status  int    // of the answer
	Answer  []byte
	At      time.Time
}
