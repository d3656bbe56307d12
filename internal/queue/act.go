package queue

import (
	"context"
	"errors"
	"time"

	"github.com/grovecloud/grove"
)

// cancelWish marks a started job that a person wants stopped, until the printer
// reports that it is.
const cancelWish = "cancel_wished"

// Cancel ends a job. One that has not been sent is cancelled at once; a running
// one is stopped at the printer and becomes cancelled when the printer says so. One whose
// printer is at another print by now is over, and that print goes on.
func (q *Queue) Cancel(ctx context.Context, actor grove.Actor, id int64) (grove.Job, error) {
	before, err := q.own(ctx, actor, grove.WriteJobs, id)
	if err == nil && before.State.Started() {
		before, err = q.own(ctx, actor, grove.ControlPrinter, id)
	}
	if err != nil {
		return before, err
	}
	var stopped error
	if before.State.Started() { // first of all: a database in trouble must not keep a machine running
		stopped = q.Printers.Stop(ctx, actor, before.Serial, id)
	}
	elsewhere := grove.HasReason(stopped, grove.ReasonAnotherPrint)
	if elsewhere {
		stopped = nil // the job says it
	}
	// The printer may have taken its time, and whoever asked may have gone: the
	// wish is kept all the same.
	j, err := q.Records.UpdateJob(context.WithoutCancel(ctx), id, func(j *grove.Job) ([]grove.Event, error) {
		switch {
		case elsewhere && j.State.Started() && j.State != grove.Sending: // a start that is not answered may not have left yet
			return q.lost(j)
		case j.State.Started():
			j.Failure = cancelWish
			return nil, nil
		}
		if before.State.Started() && j.State.Done() {
			return nil, nil // the stop was faster
		}
		if err := j.MoveTo(grove.Cancelled); err != nil {
			return nil, err
		}
		j.Failure, j.Why, j.FinishedAt = "cancelled", "cancelled before it was sent", time.Now().UTC()
		return []grove.Event{q.event(grove.JobCancelled, j, "cancelled", j.Why)}, nil
	}, jobAct(actor, &before, "job.cancel"))
	if err == nil {
		q.loads.stop(id)
	}
	q.Kick()
	return j, errors.Join(stopped, err)
}

// lost ends a job whose printer is at another print by now.
func (q *Queue) lost(j *grove.Job) ([]grove.Event, error) {
	why := "its print is over, and how it ended was not seen"
	if j.State != grove.Running {
		why = "whether its print ever began is not known"
	}
	c := &scene{q: q, j: j}
	err := c.end(grove.Failed, "lost", why+"; the printer is at another by now"+q.atNow(j.Serial)+", which was not stopped")
	return c.events, err
}

// atNow is the name of what a printer is at, in words to put behind others.
func (q *Queue) atNow(serial string) string {
	if live, err := q.Printers.Now(serial); err == nil && live.Shadow.FileName != "" {
		return ", " + live.Shadow.FileName
	}
	return ""
}

func (q *Queue) own(ctx context.Context, actor grove.Actor, action grove.Action, id int64) (grove.Job, error) {
	j, err := q.Job(ctx, actor, id)
	if err != nil {
		return j, err
	}
	return j, q.Gate.Authorize(actor, action, grove.Resource{Serial: j.Serial, OwnerID: j.OwnerID})
}

// Resolve says what became of an unknown start, after a person has looked:
// running, finished, or failed (it never began). A print on a printer that is away
// may be declared over too: that printer might never come back.
func (q *Queue) Resolve(ctx context.Context, actor grove.Actor, id int64, to grove.JobState) (grove.Job, error) {
	if to != grove.Running && to != grove.Finished && to != grove.Failed {
		return grove.Job{}, grove.Errorf(grove.Invalid, "bad_outcome", "outcome must be running, finished or failed, not %q", string(to))
	}
	before, err := q.own(ctx, actor, grove.WriteJobs, id)
	if err != nil {
		return before, err
	}
	live, err := q.Printers.Now(before.Serial)
	absent := err != nil || !live.Connected
	resolved := jobAct(actor, &before, "job.resolve")
	resolved.Detail += " as " + string(to)
	j, err := q.Records.UpdateJob(ctx, id, func(j *grove.Job) ([]grove.Event, error) {
		if over := to != grove.Running && absent && j.State.Started(); j.State != grove.Unknown && !over {
			return nil, grove.Errorf(grove.Conflict, "job_state",
				"job %d is %s; only an unknown start, or a print on a printer that is away, needs an answer", id, j.State)
		}
		c := &scene{q: q, j: j}
		if to == grove.Running {
			err := c.run()
			return c.events, err
		}
		failure := ""
		if to == grove.Failed {
			failure = "not_started"
		}
		err := c.end(to, failure, "as a person said after a look at the printer")
		return c.events, err
	}, resolved)
	if err != nil {
		return j, err
	}
	q.Kick()
	return j, nil
}

// ClearPlate records that a person found the plate empty. While the printer
// prints, or a start may have reached it, the plate can't be clear.
func (q *Queue) ClearPlate(ctx context.Context, actor grove.Actor, serial string) (grove.Printer, error) {
	live, err := q.Printers.Live(ctx, actor, serial)
	if err != nil {
		return grove.Printer{}, err
	}
	if err := q.Gate.Authorize(actor, grove.StartPrint, grove.Resource{Serial: serial, OwnerID: live.OwnerID}); err != nil {
		return grove.Printer{}, err
	}
	p, err := q.change(ctx, serial, func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		switch {
		case p.OwnerID != live.OwnerID: // it changed hands this moment
			return nil, grove.NoPrinter(serial)
		case printing(live.Shadow.State) && live.Connected, printing(p.GcodeState):
			return nil, grove.Errorf(grove.Conflict, "printer_busy", "%s is printing, so its plate can't be clear", p.Name)
		case active != nil && active.State.Started():
			return nil, grove.Errorf(grove.Conflict, "job_state",
				"job %d may be on the plate of %s (%s); resolve it first", active.ID, p.Name, active.State)
		}
		if p.PlateClear {
			return nil, nil
		}
		p.PlateClear = true
		c := &scene{q: q, p: p}
		c.tellOfPrinter(grove.PlateCleared, "", "clear", "")
		return c.events, nil
	}, grove.AuditEntry{At: time.Now().UTC(), Actor: actor.String(), UserID: live.OwnerID, Action: "plate.clear", Serial: serial})
	if err != nil {
		return p, err
	}
	q.taken.used(serial) // it is nobody's to give back any more
	q.Kick()
	return p, nil
}
