package queue

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"path"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// begin brings one queued job to its one start, or leaves it waiting and says why.
func (q *Queue) begin(ctx context.Context, j grove.Job) error {
	if live, err := q.Printers.Now(j.Serial); err != nil || live.OwnerID != j.OwnerID {
		if loose(&j) {
			return nil // another is chosen
		}
		return q.fail(ctx, j, "printer_gone", "the printer does not belong to this account any more")
	}
	if grove.HasReason(q.Printers.Fit(j.Serial), grove.ReasonSettling) {
		return nil // the queue is told when that is over
	}
	file, err := q.Files.Ready(ctx, j.FileID)
	if errors.Is(err, grove.NotFound) {
		return q.fail(ctx, j, "file_gone", "the file is not there any more: "+grove.AsError(err).Message)
	}
	if err != nil {
		return errors.Join(err, q.wait(ctx, j.ID, unreadable))
	}
	if why, held := q.held(j, file); held {
		if loose(&j) {
			return nil // likewise
		}
		return q.wait(ctx, j.ID, why)
	}
	berth, carried := q.Carriers.Berth(j.Serial, j.ID, file.Name)
	within := q.StartWithin
	if carried {
		within += grove.CarryTime(file.SizeBytes)
	}
	if j, err = q.claim(ctx, j, within); err != nil {
		return err
	}
	if fit, err := q.vet(ctx, j, file); !fit {
		return err
	}
	if !carried {
		_, err = q.Records.UpdateJob(ctx, j.ID, func(now *grove.Job) ([]grove.Event, error) {
			return nil, stillOn(now, j.Serial, grove.Ready)
		})
		if err != nil {
			return err
		}
		return q.start(ctx, j, file, grove.Berth{})
	}
	if ready, err := q.carry(ctx, j, file, berth); !ready {
		return err
	}
	if fit, err := q.vet(ctx, j, file); !fit { // minutes have passed
		return err
	}
	return q.start(ctx, j, file, berth)
}

// loose reports whether the job's printer may still become another: it is one of
// whichever fits, and nothing of it lies on the one that it has.
func loose(j *grove.Job) bool { return j.Any != nil && j.RemotePath == "" }

// claim takes a job and its printer for this process, before anything that takes
// time. A job that was without a printer is that printer's from here on; the database
// gives a job to one printer, and a printer to one job.
func (q *Queue) claim(ctx context.Context, j grove.Job, within time.Duration) (grove.Job, error) {
	return q.Records.UpdateJob(ctx, j.ID, func(now *grove.Job) ([]grove.Event, error) {
		if now.Serial == "" && loose(now) {
			now.Serial = j.Serial
		}
		if now.NotBefore.After(time.Now()) {
			return nil, moved(now) // it was put off this moment
		}
		now.StartBy, now.Why = time.Now().UTC().Add(within), ""
		return nil, stillOn(now, j.Serial, grove.Claimed)
	})
}

// stillOn moves a job, unless it is another printer's by now.
func stillOn(j *grove.Job, serial string, to grove.JobState) error {
	if j.Serial != serial {
		return moved(j)
	}
	return j.MoveTo(to)
}

// again puts a job back in line, from where it may go to another printer if that was
// left open. Nothing was sent. It is told of one that was told to be on its way.
func (q *Queue) again(j *grove.Job, why string) ([]grove.Event, error) {
	told := j.State == grove.Uploading || j.State == grove.Ready && j.RemotePath != ""
	if loose(j) {
		j.Serial = ""
	}
	j.Why = why
	if err := j.MoveTo(grove.Queued); err != nil || !told {
		return nil, err
	}
	return []grove.Event{q.event(grove.JobWaiting, j, "waiting", why)}, nil
}

// onItsWay is the fact that a job came nearer to its print.
func (q *Queue) onItsWay(j *grove.Job, how string) grove.Event {
	return q.event(grove.JobChanged, j, string(j.State), how)
}

// vet asks the printer how it is and puts the job back in line unless it could
// take the print this moment.
func (q *Queue) vet(ctx context.Context, j grove.Job, file grove.File) (fit bool, err error) {
	if err := q.Printers.Refresh(ctx, j.Serial); err != nil {
		q.line.answered(j.Serial, false, time.Now())
		return false, q.release(ctx, j.ID, misfitOf(err))
	}
	q.line.answered(j.Serial, true, time.Now())
	if why, held := q.held(j, file); held {
		return false, q.release(ctx, j.ID, why)
	}
	return true, nil
}

// held says what keeps the printer from taking this print, if anything does.
// Its nozzle may have been changed while the job waited.
func (q *Queue) held(j grove.Job, f grove.File) (grove.Misfit, bool) {
	live, err := q.Printers.Now(j.Serial)
	if err != nil {
		return misfitOf(err), true
	}
	if l, _ := q.misfits(q.sparing(wishOf(&j, f), j.OwnerID), live); len(l) > 0 {
		return l[0], true
	}
	return grove.Misfit{}, false
}

// What waits because somebody is locked out. It lapses in its time as all that waits
// does: nobody is surprised by a print that was wanted months ago.
var (
	lockedAccount = grove.Misfit{
		Reason: grove.MisfitLocked, Values: values{"of": "account"},
		Message: "waits until the account it belongs to is let in again; it is locked (an owner of the server runs grove people unlock)",
	}
	lockedGuest = grove.Misfit{
		Reason: grove.MisfitLocked, Values: values{"of": "file"},
		Message: "waits until the account of the guest whose file it prints is let in again; cancel it if it is not wanted",
	}
)

var unreadable = grove.Misfit{Reason: grove.WaitFile, Message: "waits until its file can be read"}

func plateMisfit(name string) grove.Misfit {
	return grove.Misfit{
		Reason: grove.MisfitPlate, Message: "waits for you to confirm that the plate of " + name + " is clear (grove plate-clear, or POST …/plate-clear)",
	}
}

// wait keeps the job queued and tells once why.
func (q *Queue) wait(ctx context.Context, id int64, why grove.Misfit) error {
	_, err := q.Records.UpdateJob(ctx, id, func(j *grove.Job) ([]grove.Event, error) {
		if j.State != grove.Queued || said(j, why) {
			return nil, nil
		}
		told := j.Why == why.Message
		j.Why, j.Waits = why.Message, &why
		if told {
			return nil, nil
		}
		return []grove.Event{q.event(grove.JobWaiting, j, "waiting", why.Message)}, nil
	})
	return err
}

// said reports whether a job says that it waits for this, to people and to programs.
func said(j *grove.Job, why grove.Misfit) bool {
	return j.Why == why.Message && j.Waits != nil && j.Waits.Reason == why.Reason
}

// release puts a job back in line. Nothing was sent.
func (q *Queue) release(ctx context.Context, id int64, why grove.Misfit) error {
	_, err := q.Records.UpdateJob(ctx, id, func(j *grove.Job) ([]grove.Event, error) {
		events, err := q.again(j, why.Message)
		j.Waits = &why
		return events, err
	})
	return err
}

func (q *Queue) fail(ctx context.Context, j grove.Job, failure, why string) error {
	_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
		if err := j.MoveTo(grove.Failed); err != nil {
			return nil, err
		}
		j.Failure, j.Why, j.FinishedAt = failure, why, time.Now().UTC()
		return []grove.Event{q.event(grove.JobFailed, j, "failed", why)}, nil
	}, jobAct(house, &j, "job.fail"))
	return err
}

// start is the one start. The attempt is on disk before the first byte leaves;
// from then on only reports or a person move the job.
func (q *Queue) start(ctx context.Context, j grove.Job, file grove.File, berth grove.Berth) error {
	live, err := q.Printers.Now(j.Serial)
	if err == nil {
		var loaded loading
		loaded, err = wishOf(&j, file).load(live)
		j.Options = loaded.options
	}
	if err != nil {
		return q.release(ctx, j.ID, misfitOf(err))
	}
	attempt := &grove.Attempt{
		JobID: j.ID, Serial: j.Serial, Nonce: nonce(), NotAfter: j.StartBy, SentAt: time.Now().UTC(),
	}
	q.taken.take(j.Serial, j.ID) // before the commit: a print reported meanwhile either refuses it or undoes this
	_, err = q.change(ctx, j.Serial, func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		if err := q.commit(p, active, j, attempt); err != nil {
			return nil, err
		}
		return []grove.Event{q.onItsWay(active, "its start is sent to the printer")}, nil
	}, startAct(&j, attempt.Nonce, "job.start"))
	if err != nil {
		return q.unstarted(ctx, j, err)
	}
	committed, err := q.Records.Job(ctx, j.ID)
	if err != nil {
		return err
	}
	if committed.Failure == cancelWish {
		return q.unsent(ctx, j, attempt, grove.Cancelled, "cancelled", "cancelled before it was sent")
	}
	if committed.State != grove.Sending { // its plate is for a person to look at
		return moved(&committed)
	}
	err = q.Printers.Start(ctx, Order{
		Serial: j.Serial, JobID: j.ID, NotAfter: attempt.NotAfter, Quiet: q.Proof, Start: q.order(j, file, attempt.Nonce, berth),
	})
	switch {
	case err == nil:
		q.metrics.starts.Inc()
		if err := q.Records.AddAudit(context.WithoutCancel(ctx), startAct(&j, attempt.Nonce, "job.start_sent")); err != nil {
			q.Log.Error("act not in the audit log", slog.String("action", "job.start_sent"), slog.Int64("job", j.ID), slog.Any("error", err))
		}
		return nil
	case grove.HasReason(err, "too_late"):
		return q.unsent(ctx, j, attempt, grove.Expired, "expired", "it could not be started in time; print it again if it is still wanted")
	case grove.HasReason(err, "start_unsure"):
		return q.unsure(ctx, j.ID, "the connection failed while the start was being sent")
	}
	return q.unsent(ctx, j, attempt, grove.Failed, "not_sent", grove.AsError(err).Message+"; nothing was sent, print it again")
}

// startAct is the entry of a start, which the attempt's nonce names, or of what
// became of it.
func startAct(j *grove.Job, nonce, action string) grove.AuditEntry {
	act := jobAct(house, j, action)
	act.Detail += " (attempt " + nonce + ")"
	return act
}

// commit writes the attempt and takes the plate, all or nothing.
func (q *Queue) commit(p *grove.Printer, active *grove.Job, j grove.Job, a *grove.Attempt) error {
	switch {
	case active == nil || active.ID != j.ID || active.State != grove.Ready:
		return grove.Errorf(grove.Conflict, "job_state", "job %d changed while it was prepared", j.ID)
	case p.OwnerID != active.OwnerID:
		return grove.Errorf(grove.Conflict, "printer_gone", "the printer changed hands while the print was prepared")
	case !p.PlateClear:
		return grove.Errorf(grove.Conflict, "plate_not_clear", "the plate of %s is not clear", p.Name)
	case !time.Now().Before(a.NotAfter) || !time.Now().Before(active.ExpiresAt):
		return grove.Errorf(grove.Conflict, "too_late", "it could not be started in time")
	}
	p.PlateClear = false
	active.Attempt, active.Options = a, j.Options
	return active.MoveTo(grove.Sending)
}

// unstarted is what becomes of a job that commit refused.
func (q *Queue) unstarted(ctx context.Context, j grove.Job, err error) error {
	switch {
	case grove.HasReason(err, "plate_not_clear"):
		return q.release(ctx, j.ID, plateMisfit(j.Serial))
	case grove.HasReason(err, "printer_gone"):
		return q.fail(ctx, j, "printer_gone", grove.AsError(err).Message)
	case grove.HasReason(err, "too_late"):
		_, err = q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			return q.lapse(j, "it could not be started in time")
		}, jobAct(house, &j, "job.expire"))
	}
	return err
}

// unsent ends a job whose start surely did not leave.
func (q *Queue) unsent(ctx context.Context, j grove.Job, a *grove.Attempt, to grove.JobState, failure, why string) error {
	_, err := q.change(ctx, j.Serial, func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		if active == nil || active.ID != j.ID {
			return nil, moved(&j)
		}
		p.PlateClear = q.taken.untouched(p.Serial, active.ID)
		c := &scene{q: q, p: p, j: active}
		err := c.end(to, failure, why)
		return c.events, err
	}, startAct(&j, a.Nonce, "job.start_refused"))
	return err
}

// nonce is repeated by the printer as its subtask id and must fit an int32.
func nonce() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b[:])&0x3fffffff)+1<<30, 10)
}

// order is the start of a job whose file lies on the printer, or is fetched by it.
func (q *Queue) order(j grove.Job, f grove.File, nonce string, b grove.Berth) bambu.Start {
	s := bambu.Start{
		TaskID: j.ID, Nonce: nonce, Name: j.FileName, File: f.Name, MD5: f.MD5, Plate: j.Plate,
		Options: j.Options, ProjectID: f.ProjectID, ProfileID: f.ProfileID, ThreeMF: f.Kind == "3mf",
	}
	if b.Path == "" {
		s.URL = q.Files.ContentURL(f, 24*time.Hour)
	} else {
		s.URL, s.File = b.URL, path.Base(b.Path)
	}
	return s
}
