package fleet

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// fresh is how old a full report may be when a print starts.
const fresh = 10 * time.Second

// Order is a start that the queue has committed to.
type Order struct {
	Start    bambu.Start
	Serial   string
	JobID    int64
	NotAfter time.Time
	Quiet    time.Duration // how long the printer may be at it without showing it
}

// Refresh asks a printer for a full report and waits for it, at most 10 s.
func (f *Fleet) Refresh(ctx context.Context, serial string) error {
	u, err := f.unit(serial)
	if err != nil {
		return err
	}
	u.mu.Lock()
	arrived := u.full
	u.pushallAt = time.Now()
	u.mu.Unlock()
	if err := f.ask(u, "pushing", "pushall"); err != nil {
		return err
	}
	wait := time.NewTimer(fresh)
	defer wait.Stop()
	select {
	case <-arrived:
		return nil
	case <-wait.C:
		return grove.Errorf(grove.Conflict, "printer_silent", "printer %s did not report within 10 s", serial)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Retell tells the printer's present state as a turn, in its place among the
// others.
func (f *Fleet) Retell(serial string) {
	u, err := f.unit(serial)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.complete {
		f.push(u, Turn{Kind: Reported, Shadow: u.shadow})
	}
}

// ask sends a question of the server's own.
func (f *Fleet) ask(u *unit, class, command string) error {
	questions, err := bambu.ParseRequests([]byte(`{"` + class + `":{"command":"` + command + `"}}`))
	if err != nil {
		return err
	}
	return f.send(u, pending{request: questions[0], sequence: f.nextSequence(), own: true})
}

// Fit says whether a printer could take a print this moment, by what it said
// last on the present link.
func (f *Fleet) Fit(serial string) error {
	u, err := f.unit(serial)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.fit()
}

// fit: connected, heard of in full, in Developer Mode as far as known, all it said stored,
// idle, without a fatal error, over a link that is in time. The caller holds u.mu.
func (u *unit) fit() error {
	if u.link == nil || u.quarantined() {
		return u.unlinked()
	}
	if !u.complete {
		return grove.Errorf(grove.Conflict, "printer_silent", "printer %s has not told its whole state yet", u.serial)
	}
	if u.developer() == grove.DeveloperOff {
		return grove.Errorf(grove.Conflict, "developer_mode_off", "Developer Mode of printer %s is off, so it takes no print from here; %s", u.serial, developerWay)
	}
	if u.working || len(u.turns) > 0 || u.untold() {
		return grove.Errorf(grove.Conflict, grove.ReasonSettling, "what printer %s reported a moment ago is still being stored", u.serial)
	}
	if !u.shadow.Idle() {
		return grove.Errorf(grove.Conflict, "printer_busy", "printer %s is busy (%s)", u.serial, u.shadow.State).With(map[string]any{"state": u.shadow.State})
	}
	if code, bad := u.shadow.Fatal(); bad {
		return grove.Errorf(grove.Conflict, "printer_fault", "printer %s reports the fatal error %s; mend it first", u.serial, code).With(map[string]any{"code": code})
	}
	if l, ok := u.link.(Careful); ok {
		return l.MayStart()
	}
	return nil
}

// Start writes the one start command of a job. It refuses, and has then surely
// written nothing, unless the printer said in full within the last 10 s, on this
// very link, that it is idle, and unless it is still in time. An error with
// reason start_unsure means that something may have left.
func (f *Fleet) Start(_ context.Context, o Order) error {
	u, err := f.unit(o.Serial)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.fit(); err != nil {
		return err
	}
	if time.Since(u.fullAt) > fresh {
		return grove.Errorf(grove.Conflict, "report_stale", "the last full report of printer %s is older than 10 s", o.Serial)
	}
	o.Start.SequenceID = f.nextSequence()
	p := &pending{
		request:  bambu.Request{Class: "print", Command: "project_file"},
		sequence: o.Start.SequenceID, sentAt: time.Now(), own: true,
		done: func(r bambu.Report, lost bool) { f.startAnswered(u, o.JobID, r, lost) },
		unsent: func() {
			u.awaited = awaited{}
			f.push(u, Turn{Kind: StartUnsent, Shadow: u.shadow, JobID: o.JobID})
		},
	}
	payload := o.Start.Payload()
	if !time.Now().Before(o.NotAfter) {
		return grove.Errorf(grove.Conflict, "too_late", "the start of job %d came too late", o.JobID)
	}
	u.await(o.JobID, o.Quiet)
	if err := f.write(u, p, payload, o.NotAfter); err != nil {
		return &grove.Error{Code: grove.Conflict, Reason: "start_unsure", Err: err, Message: "the connection failed while the start was written"}
	}
	return nil
}

// startAnswered makes a turn of the reply to a start. The caller holds u.mu. No
// reply proves nothing, so a lost one makes no turn.
func (f *Fleet) startAnswered(u *unit, job int64, r bambu.Report, lost bool) {
	if lost {
		return
	}
	f.push(u, Turn{
		Kind: StartAnswered, Shadow: u.shadow, JobID: job,
		OK: !r.Failed(), Reason: why(r),
	})
}
