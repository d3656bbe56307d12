package queue

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// cancelled are the print errors of a print that a person stopped
// (0300-400C and 0500-400E).
var cancelled = map[int64]bool{50348044: true, 83902478: true}

// scene is one turn being played: the printer, its job if it has one, and what
// is to be told.
type scene struct {
	q      *Queue
	p      *grove.Printer
	j      *grove.Job
	s      grove.Shadow
	away   time.Duration // silence before this report
	events []grove.Event
	over   bool // the job's print has ended, and is still on the plate
}

// tell adds a fact about the job, or about a print that was begun at the
// printer's screen and has no job here.
func (c *scene) tell(t grove.EventType, status, reason string) {
	if c.j != nil && mine(c.j, c.s) {
		c.events = append(c.events, c.q.event(t, c.j, status, reason))
		return
	}
	c.tellOfPrinter(t, c.s.FileName, status, reason)
}

func (c *scene) tellOfPrinter(t grove.EventType, file, status, reason string) {
	c.events = append(c.events, grove.Event{Type: t, UserID: c.p.OwnerID, At: time.Now().UTC(), Data: grove.EventData{
		DeviceID: c.p.Serial, DeviceName: c.p.Name, FileName: file, Status: status, Reason: reason,
	}})
}

// tellOfJob adds a fact about the job whatever the printer speaks of.
func (c *scene) tellOfJob(t grove.EventType, status, reason string) {
	c.events = append(c.events, c.q.event(t, c.j, status, reason))
}

// play stores one turn: the printer's row, its job's and what follows from them.
func (q *Queue) play(ctx context.Context, serial string, s grove.Shadow, fn func(*scene) error) error {
	var c *scene
	_, err := q.change(ctx, serial, func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		c = &scene{q: q, p: p, j: active, s: s}
		err := fn(c)
		return c.events, err
	})
	if err == nil {
		q.Kick()
		if c.over {
			q.photograph(c.j)
		}
	}
	return err
}

// change stores a change of a printer and lets the fleet learn of it, one after
// the other for each printer: what the fleet remembers is what was stored last.
func (q *Queue) change(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	defer q.changing.enter(serial)()
	p, err := q.Records.UpdatePrinter(ctx, serial, fn, acts...)
	if err == nil {
		q.Printers.Learn(p)
	}
	return p, err
}

// Online stores that a printer is back.
func (q *Queue) Online(ctx context.Context, serial string, s grove.Shadow) error {
	return q.play(ctx, serial, s, func(c *scene) error {
		c.p.Online = true
		c.tellOfPrinter(grove.DeviceOnline, "", "online", "")
		return nil
	})
}

// Offline stores that a printer is away. A print goes on without us.
func (q *Queue) Offline(ctx context.Context, serial string, s grove.Shadow) error {
	return q.play(ctx, serial, s, func(c *scene) error {
		c.p.Online = false
		status := "offline"
		if printing(c.p.GcodeState) {
			status = "printing"
		}
		c.tellOfPrinter(grove.DeviceOffline, "", status, "the printer's connection ended")
		return nil
	})
}

// Answer is a printer's reply to the start of a job.
type Answer struct {
	Shadow grove.Shadow
	JobID  int64
	OK     bool
	Reason string
}

// Answered stores the printer's reply to a start.
func (q *Queue) Answered(ctx context.Context, serial string, a Answer) error {
	return q.play(ctx, serial, a.Shadow, func(c *scene) error {
		if c.j == nil || c.j.ID != a.JobID || (c.j.State != grove.Sending && c.j.State != grove.Unknown) {
			return nil // a report was faster
		}
		if a.OK {
			return c.accept()
		}
		// It may begin all the same, for minutes: until then a person alone clears the plate.
		if c.j.Attempt != nil {
			q.taken.owe(c.p.Serial, c.j.ID, c.j.Attempt.SentAt.Add(q.Proof))
		}
		return c.end(grove.Failed, "refused", "the printer refused the start: "+cmp.Or(a.Reason, "it gave no reason"))
	})
}

// Unsent ends a job whose start was on its way and surely did not leave.
func (q *Queue) Unsent(ctx context.Context, id int64) error {
	j, err := q.Records.Job(ctx, id)
	if err != nil {
		return err
	}
	if j.Attempt == nil || j.State != grove.Sending && j.State != grove.Unknown {
		return nil
	}
	err = q.unsent(ctx, j, j.Attempt, grove.Failed, "not_sent", "the printer's connection did not take the start in time, so nothing was sent; print it again")
	if errors.Is(err, grove.Conflict) {
		return nil // a person was faster
	}
	q.Kick()
	return err
}

func printing(state string) bool { return grove.Shadow{State: state}.Moves() }

func ended(state string) bool { return state == "FINISH" || state == "FAILED" }

// Reported stores what a full or later report says, after so long a silence.
func (q *Queue) Reported(ctx context.Context, serial string, s grove.Shadow, away time.Duration) error {
	return q.play(ctx, serial, s, func(c *scene) error {
		c.away = away
		if err := c.moveJob(); err != nil {
			return err
		}
		c.movePlate()
		c.tellPrint()
		c.tellError()
		c.p.GcodeState, c.p.PrintError = s.State, s.PrintError
		c.p.TaskID, c.p.FileName = s.TaskID, s.FileName
		return nil
	})
}

// moveJob lets the report move the printer's job.
func (c *scene) moveJob() error {
	if c.j == nil || !c.j.State.Started() {
		return nil
	}
	if !mine(c.j, c.s) {
		return c.moveForeign()
	}
	switch c.s.State {
	case "IDLE": // it names the job and does not print it: not yet, or not any more
		return c.moveForeign()
	case "PREPARE", "SLICING":
		if c.j.State == grove.Sending || c.j.State == grove.Unknown {
			return c.accept()
		}
	case "RUNNING", "PAUSE":
		return c.run()
	case "FINISH":
		c.over = true
		return c.end(grove.Finished, "", "")
	case "FAILED":
		if cancelled[c.s.PrintError] || c.j.Failure == cancelWish {
			return c.end(grove.Cancelled, "cancelled", "stopped by a person")
		}
		c.over = true
		return c.end(grove.Failed, "print_failed", "the printer gave the print up: "+faultWords(c.s))
	}
	return nil
}

func faultWords(s grove.Shadow) string {
	if s.PrintError != 0 {
		return "error " + bambu.PrintErrorText(s.PrintError)
	}
	return "it gave no error code"
}

func (c *scene) accept() error {
	if err := c.j.MoveTo(grove.Accepted); err != nil {
		return err
	}
	c.j.Why = ""
	c.events = append(c.events, c.q.onItsWay(c.j, "the printer took its start"))
	return nil
}

func (c *scene) run() error {
	if c.j.State == grove.Running {
		return nil
	}
	if err := c.j.MoveTo(grove.Running); err != nil {
		return err
	}
	c.j.Why, c.j.StartedAt = "", time.Now().UTC()
	c.tellOfJob(grove.JobStarted, "running", "")
	return nil
}

// moveForeign handles a report that speaks of another print than the printer's
// job. Soon after a start that proves nothing: printers have been seen to show
// the old job for minutes.
func (c *scene) moveForeign() error {
	if c.j.State == grove.Running {
		if c.s.Idle() {
			return c.end(grove.Failed, "lost", "the printer no longer knows of this print; it was switched off or reset meanwhile")
		}
		return nil
	}
	if c.s.Idle() && time.Since(c.j.Attempt.SentAt) >= c.q.Proof {
		return c.end(grove.Failed, "not_started", "the printer never took the start; print it again")
	}
	return nil
}

// end closes the job.
func (c *scene) end(to grove.JobState, failure, why string) error {
	if err := c.j.MoveTo(to); err != nil {
		return err
	}
	c.j.Failure, c.j.Why, c.j.FinishedAt = failure, why, time.Now().UTC()
	switch to {
	case grove.Finished:
		c.j.Percent = 100
		c.tellOfJob(grove.JobFinished, "finished", "")
	case grove.Cancelled:
		c.tellOfJob(grove.JobCancelled, "cancelled", why)
	case grove.Failed:
		c.tellOfJob(grove.JobFailed, "failed", why)
	case grove.Expired:
		c.tellOfJob(grove.JobExpired, "expired", why)
	case grove.Queued, grove.Claimed, grove.Uploading, grove.Ready, grove.Sending, grove.Accepted,
		grove.Running, grove.Unknown:
	}
	return nil
}

// movePlate keeps the plate gate: taken by whatever prints, freed by a person.
func (c *scene) movePlate() {
	was, is := c.p.GcodeState, c.s.State
	switch {
	case printing(is):
		c.p.PlateClear = false
		c.q.taken.used(c.p.Serial)
	case ended(is) && (is != was || c.newTask() || c.away > unseen):
		c.q.taken.used(c.p.Serial)
		c.p.PlateClear = c.p.AutoClear
		if !c.p.AutoClear {
			c.tell(grove.PlateToClear, is, "")
		}
	}
}

// unseen is how long a printer may be out of sight before it could have printed
// the same thing again.
const unseen = 5 * time.Minute

// newTask: between two reports another print came and went. Prints begun at the
// screen all have the task 0, so their names count too.
func (c *scene) newTask() bool {
	return (c.s.TaskID != "" && c.p.TaskID != "" && c.s.TaskID != c.p.TaskID) ||
		(c.s.FileName != "" && c.p.FileName != "" && c.s.FileName != c.p.FileName)
}

// tellPrint makes the print events of a change of state. The very first state of
// a printer is no change.
func (c *scene) tellPrint() {
	was, is := c.p.GcodeState, c.s.State
	if was == "" {
		return
	}
	began := (is == "RUNNING" || is == "PAUSE") && (!printing(was) || was == "PREPARE" || was == "SLICING" || c.newTask())
	if began {
		c.tell(grove.PrintStarted, is, "")
	}
	over := ended(is) && (is != was || c.newTask())
	switch {
	case !over:
	case is == "FINISH":
		c.tell(grove.PrintCompleted, is, "")
	case cancelled[c.s.PrintError]:
		c.tell(grove.PrintFailed, is, "stopped by a person")
	default:
		c.tell(grove.PrintFailed, is, faultWords(c.s))
	}
}

// tellError tells of a new error. Codes whose low half is below 0x4000 are only
// remarks; a stop by a person is no error.
func (c *scene) tellError() {
	e := c.s.PrintError
	if e == 0 || e == c.p.PrintError || e&0xffff < 0x4000 || cancelled[e] {
		return
	}
	c.tell(grove.PrinterError, c.s.State, "error "+bambu.PrintErrorText(e))
}
