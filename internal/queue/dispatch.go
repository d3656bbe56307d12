package queue

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
)

// atOnce bounds how many printers are being started at the same time, and carriedAtOnce
// how many are brought files, which takes minutes and must keep nobody else waiting.
const (
	atOnce        = 16
	carriedAtOnce = 64
)

// crew are the hands there are, and the printers and jobs that have one.
type crew struct {
	hands, carriers *errgroup.Group
	busy            sync.Map // by serial
	placed          sync.Map // by job: those that were given a printer and have not claimed it yet
}

// Run settles what a crash left behind, then dispatches jobs until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	for err := q.recover(ctx); err != nil; err = q.recover(ctx) {
		q.Log.Error("interrupted jobs not settled, so nothing starts", slog.Any("error", err))
		select { // nothing starts before that is done
		case <-ctx.Done():
			return nil
		case <-time.After(q.Pace):
		}
	}
	c := &crew{hands: new(errgroup.Group), carriers: new(errgroup.Group)}
	var pictures errgroup.Group
	pictures.Go(func() error { return q.takePictures(ctx) })
	c.hands.SetLimit(atOnce)
	c.carriers.SetLimit(carriedAtOnce)
	return errors.Join(q.loop(ctx, c), c.hands.Wait(), c.carriers.Wait(), pictures.Wait())
}

func (q *Queue) loop(ctx context.Context, c *crew) error {
	tick := time.NewTicker(q.Pace)
	defer tick.Stop()
	for {
		if err := q.round(ctx, c); err != nil && ctx.Err() == nil {
			q.Log.Error("jobs not dispatched", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-q.kick:
		case <-tick.C:
		}
	}
}

// recover settles the jobs of a former process: what was not sent waits again,
// what may have been sent is unknown and is never sent again.
func (q *Queue) recover(ctx context.Context) error {
	if err := q.Records.Alone(ctx); err != nil {
		return err
	}
	if err := q.startClock(ctx); err != nil {
		return err
	}
	states := []grove.JobState{grove.Claimed, grove.Uploading, grove.Ready, grove.Sending, grove.Accepted, grove.Unknown}
	left, err := q.Records.Jobs(ctx, grove.JobQuery{States: states}, grove.Page{})
	if err != nil {
		return err
	}
	for _, j := range left.Items {
		err := q.resume(ctx, j)
		if err != nil {
			return err
		}
	}
	return nil
}

// resume settles one of them. Nothing moves jobs before that is done.
func (q *Queue) resume(ctx context.Context, j grove.Job) error {
	if j.State.Started() {
		q.Printers.Await(j.Serial, j.ID, j.Attempt.SentAt, q.Proof)
	} else {
		_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			if !j.State.Preparing() {
				return nil, nil // a person cancelled it meanwhile
			}
			return q.again(j, "waits again after a restart of the server")
		})
		return err
	}
	return q.unsure(ctx, j.ID, "the server stopped while the start was being sent")
}

// unsure makes a start unknown of which it is not known whether it was sent. A
// report, which is surer, may be faster.
func (q *Queue) unsure(ctx context.Context, id int64, why string) error {
	j, err := q.Records.Job(ctx, id)
	if err != nil {
		return err
	}
	_, err = q.Records.UpdateJob(ctx, id, func(j *grove.Job) ([]grove.Event, error) {
		if j.State != grove.Sending {
			return nil, moved(j)
		}
		return q.doubt(j, why)
	}, jobAct(house, &j, "job.start_unsure"))
	if errors.Is(err, grove.Conflict) {
		return nil
	}
	return err
}

// moved ends a change of the queue's own whose occasion is over.
func moved(j *grove.Job) error {
	return grove.Errorf(grove.Conflict, "job_state", "job %d is %s by now", j.ID, j.State)
}

// doubt makes a start unknown.
func (q *Queue) doubt(j *grove.Job, why string) ([]grove.Event, error) {
	if err := j.MoveTo(grove.Unknown); err != nil {
		return nil, err
	}
	j.Why = why + "; look at the printer, then say whether it printed"
	q.metrics.unknown.Inc()
	return []grove.Event{q.event(grove.JobUnknown, j, "unknown", j.Why)}, nil
}

// round expires what is late and begins what can begin.
func (q *Queue) round(ctx context.Context, c *crew) error {
	if err := q.Records.Alone(ctx); err != nil {
		return err // what another process prepares would look stranded
	}
	q.clock.look(time.Now(), q.Wall())
	if err := q.keepClock(ctx); err != nil {
		return err
	}
	if err := q.expire(ctx); err != nil {
		return err
	}
	if err := q.unstrand(ctx, c); err != nil {
		return err
	}
	if err := q.tidy(ctx, c); err != nil {
		return err
	}
	started, err := q.Records.Jobs(ctx, grove.JobQuery{States: []grove.JobState{grove.Sending, grove.Accepted, grove.Running, grove.Unknown}}, grove.Page{})
	if err != nil {
		return err
	}
	now := time.Now()
	for _, j := range q.taken.due(now) {
		if q.asked.due(j.ID, now, time.Minute) {
			q.hand(ctx, c.hands, c, j, q.giveBack)
		}
	}
	if err := q.dispatch(ctx, c, now); err != nil {
		return err
	}
	for _, j := range started.Items {
		switch {
		case j.Failure == cancelWish && q.prints(&j) && q.asked.due(j.ID, now, stopAgain):
			q.hand(ctx, c.hands, c, j, q.stop)
		case (j.State == grove.Accepted || j.State == grove.Unknown) && j.Attempt != nil &&
			now.Sub(j.Attempt.SentAt) >= q.Proof && q.asked.due(j.ID, now, time.Minute):
			q.hand(ctx, c.hands, c, j, q.settle)
		}
	}
	return nil
}

// dispatch gives the jobs that may begin to free hands. Those of any printer choose
// first, since they leave printers alone that have an earlier job of their own. The jobs
// that are passed are told why.
func (q *Queue) dispatch(ctx context.Context, c *crew, now time.Time) error {
	t, err := q.traffic(ctx)
	if err != nil {
		return err
	}
	if err := q.place(ctx, c, t, now); err != nil {
		return err
	}
	heads := slices.SortedFunc(maps.Values(t.heads), func(a, b grove.Job) int { return cmp.Compare(a.ID, b.ID) })
	for _, j := range q.line.order(heads, now) {
		q.hand(ctx, q.handsFor(c, &j), c, j, q.begin)
	}
	for _, j := range t.passed {
		if said(&j, lockedGuest) {
			continue
		}
		if err := q.wait(ctx, j.ID, lockedGuest); err != nil {
			return err
		}
	}
	return nil
}

// handsFor are the hands that a job's way to its printer takes.
func (q *Queue) handsFor(c *crew, j *grove.Job) *errgroup.Group {
	if _, carried := q.Carriers.Berth(j.Serial, j.ID, j.FileName); carried {
		return c.carriers
	}
	return c.hands
}

// stopAgain is how often a stop is repeated while the printer still prints: one
// that came before the print began was not heard.
const stopAgain = 5 * time.Second

// past remembers when something was last done about a job, for an hour.
type past map[int64]time.Time

// due reports whether that was long enough ago, and takes it as done now.
func (p past) due(job int64, now time.Time, every time.Duration) bool {
	if now.Sub(p[job]) < every {
		return false
	}
	p[job] = now
	maps.DeleteFunc(p, func(_ int64, at time.Time) bool { return now.Sub(at) > time.Hour })
	return true
}

// prints reports whether the printer is on this very job.
func (q *Queue) prints(j *grove.Job) bool {
	live, err := q.Printers.Now(j.Serial)
	return err == nil && live.Connected && printing(live.Shadow.State) && mine(j, live.Shadow)
}

// stop stops a cancelled print that began all the same. Stopping may be repeated.
func (q *Queue) stop(ctx context.Context, j grove.Job) error {
	return q.Printers.Stop(ctx, house, j.Serial, j.ID)
}

// unstrand puts jobs back in line that nobody is preparing: a write failed
// halfway. Nothing was sent.
func (q *Queue) unstrand(ctx context.Context, c *crew) error {
	list, err := q.Records.Jobs(ctx, grove.JobQuery{States: []grove.JobState{grove.Claimed, grove.Uploading, grove.Ready}}, grove.Page{})
	if err != nil {
		return err
	}
	for _, j := range list.Items {
		if _, prepared := c.busy.Load(j.Serial); prepared {
			continue
		}
		_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			if !j.State.Preparing() {
				return nil, nil
			}
			return q.again(j, "waits again after an interruption")
		})
		if err != nil && !errors.Is(err, grove.Conflict) {
			return err
		}
	}
	return nil
}

// hand gives a printer's job to a free hand; when all are busy, the first that is
// free again makes the next round do it.
func (q *Queue) hand(ctx context.Context, hands *errgroup.Group, c *crew, j grove.Job, do func(context.Context, grove.Job) error) (given bool) {
	if _, taken := c.busy.LoadOrStore(j.Serial, true); taken {
		return false
	}
	given = hands.TryGo(func() error {
		defer q.free(c, j.Serial)
		if err := do(ctx, j); err != nil && ctx.Err() == nil {
			q.Log.Warn("job did not move", slog.Int64("job", j.ID), slog.String("printer", j.Serial), slog.Any("error", err))
		}
		return nil
	})
	if !given {
		c.busy.Delete(j.Serial)
		q.behind.Store(true)
		return false
	}
	q.line.serve(j.Serial, time.Now())
	return true
}

// free is a hand's last act.
func (q *Queue) free(c *crew, serial string) {
	c.busy.Delete(serial)
	if q.behind.Swap(false) {
		q.Kick()
	}
}

// settle asks the printer for a full report and plays it: an idle printer that
// speaks of another job has not taken the start.
func (q *Queue) settle(ctx context.Context, j grove.Job) error {
	if err := q.Printers.Refresh(ctx, j.Serial); err != nil {
		return nil //nolint:nilerr // absent or silent: asked again in a minute
	}
	q.Printers.Retell(j.Serial)
	return nil
}

// expire ends jobs that waited too long and doubts starts that nobody answered.
func (q *Queue) expire(ctx context.Context) error {
	now := time.Now()
	late, err := q.Records.Overdue(ctx, now, now.Add(-q.Proof))
	if err != nil {
		return err
	}
	_, held := q.clockHeld() // then nobody knows what is late
	for _, j := range late {
		if held && j.State == grove.Queued {
			continue
		}
		action := "job.expire"
		if j.State == grove.Sending {
			action = "job.doubt"
		}
		seen := j.State
		_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			if !q.overdue(j, now) || j.State != seen {
				return nil, moved(j)
			}
			if j.State == grove.Sending {
				return q.doubt(j, "the printer did not answer the start")
			}
			return q.lapse(j, "it waited longer than allowed")
		}, jobAct(house, &j, action))
		if err != nil && !errors.Is(err, grove.Conflict) {
			return err
		}
	}
	return nil
}

func (q *Queue) overdue(j *grove.Job, now time.Time) bool {
	switch j.State {
	case grove.Queued:
		return !now.Before(j.ExpiresAt)
	case grove.Sending:
		return j.Attempt != nil && now.Sub(j.Attempt.SentAt) >= q.Proof
	case grove.Claimed, grove.Uploading, grove.Ready, grove.Accepted, grove.Running, grove.Finished,
		grove.Failed, grove.Cancelled, grove.Expired, grove.Unknown:
	}
	return false
}

func (q *Queue) lapse(j *grove.Job, why string) ([]grove.Event, error) {
	if err := j.MoveTo(grove.Expired); err != nil {
		return nil, err
	}
	j.Why, j.FinishedAt = why+"; print it again if it is still wanted", time.Now().UTC()
	return []grove.Event{q.event(grove.JobExpired, j, "expired", j.Why)}, nil
}
