package grove

import "time"

// Outcome is how far a command to a printer got.
type Outcome string

// The outcomes. Sent is not accepted, accepted is not done.
const (
	CommandSent     Outcome = "sent"      // written to the printer's link
	CommandAccepted Outcome = "accepted"  // the printer replied success
	CommandRejected Outcome = "rejected"  // the printer replied fail
	CommandTimedOut Outcome = "timed_out" // no reply in time; it may have worked
	CommandQueued   Outcome = "queued"    // it was a start and became a job
)

// CommandResult is what became of one command.
type CommandResult struct {
	Command    string  `json:"command"`
	SequenceID string  `json:"sequence_id"`
	Outcome    Outcome `json:"outcome"`
	Reason     string  `json:"reason,omitempty"` // the printer's own words
	JobID      string  `json:"job_id,omitempty"`
}

// ExpectedPrint says which print a command is for; it is refused once the printer is
// surely at another, or at rest. A stop or a pause by the job alone is sent at rest.
type ExpectedPrint struct {
	// Run is [Live]'s, and decides by itself where it is given; 0: not said.
	Run int64 `json:"run,omitempty"`
	// TaskID is the id of the job here that is meant; empty: not said.
	TaskID string `json:"task_id,omitempty"`
}

// Expected is the print that l shows; the zero one where nothing is known of it.
func (l *Live) Expected() ExpectedPrint { return ExpectedPrint{Run: l.Run} }

// AuditEntry records who did what. Rows are only ever added.
type AuditEntry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`  // user:1, key:<id>, code:<serial>, printer:<serial>, system
	UserID int64     `json:"-"`      // whose printer or account it concerns
	Action string    `json:"action"` // printer.command, job.create, plate.clear …
	Serial string    `json:"device_id,omitempty"`
	Detail string    `json:"detail,omitempty"` // never a secret
}

// AuditFilter says which entries are meant; what is empty leaves out nothing.
type AuditFilter struct {
	Action string // or what it begins with: printer. is all that was done to printers
	Actor  string
	Serial string
}

// Did is the entry of what a user did now to what is theirs.
func (a Actor) Did(action, detail string) AuditEntry {
	return AuditEntry{At: time.Now().UTC(), Actor: a.String(), UserID: a.UserID, Action: action, Detail: detail}
}
