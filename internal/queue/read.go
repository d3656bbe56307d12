package queue

import (
	"context"

	"github.com/grovecloud/grove"
)

// JobQuery narrows a list of jobs.
type JobQuery struct {
	Serial string
	States []grove.JobState
}

// Job is one of the actor's jobs, with the progress its printer last told.
func (q *Queue) Job(ctx context.Context, actor grove.Actor, id int64) (grove.Job, error) {
	j, err := q.Records.Job(ctx, id)
	if err != nil {
		return grove.Job{}, err
	}
	if q.Gate.Authorize(actor, grove.ReadJobs, grove.Resource{Serial: j.Serial, OwnerID: j.OwnerID}) != nil {
		return grove.Job{}, grove.Errorf(grove.NotFound, "job_not_found", "there is no job %d in this account", id)
	}
	return q.withProgress(j), nil
}

// Jobs lists the jobs of the actor's printers and of those shared with them, newest
// first.
func (q *Queue) Jobs(ctx context.Context, actor grove.Actor, query JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	if err := q.Gate.Authorize(actor, grove.ReadJobs, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Job]{}, err
	}
	list, err := q.Records.JobsWithin(ctx, q.Gate.Reach(actor), query.Serial, query.States, page)
	if err != nil {
		return list, err
	}
	for i, j := range list.Items {
		list.Items[i] = q.withProgress(j)
	}
	return list, nil
}

func (q *Queue) withProgress(j grove.Job) grove.Job {
	if l := q.loads.of(j.ID); l != nil && j.State == grove.Uploading {
		j.Percent = int(l.percent.Load())
	}
	if j.State != grove.Running {
		return j
	}
	if live, err := q.Printers.Now(j.Serial); err == nil && mine(&j, live.Shadow) {
		j.Percent = live.Shadow.Percent
	}
	return j
}

// mine reports whether the printer speaks of this very attempt.
func mine(j *grove.Job, s grove.Shadow) bool {
	return j != nil && j.Attempt != nil && s.TaskID == j.TaskID() && s.SubtaskID == j.Attempt.Nonce
}
