package own

import (
	"context"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountJobs(rt *rest.Router) {
	const tag = "jobs"
	rest.Handle(rt, get("/jobs", tag, "My jobs, newest first"), f.jobs)
	rest.Handle(rt, get("/jobs/{id}", tag, "One job"), f.job)
	cancel := post("/jobs/{id}/cancel", tag, "Cancel a job, stopping its printer where it runs")
	cancel.About = "Never limited."
	cancel.Uncounted = rest.Always
	rest.Handle(rt, cancel, f.cancel)
	resolve := post("/jobs/{id}/resolve", tag, "Say what became of a start that nobody knows of")
	resolve.About = "For a job in the state unknown, after a look at the printer: running, finished, or failed when it never began."
	rest.Handle(rt, resolve, f.resolve)
}

type jobsInput struct {
	rest.Paging
	Serial string           `query:"device_id"`
	States []grove.JobState `query:"state" doc:"One state or several, separated by commas." enum:"queued,claimed,uploading,ready,sending,accepted,running,finished,failed,cancelled,expired,unknown"`
}

func (f *face) jobs(ctx context.Context, in *jobsInput) (cloudapi.Data[[]grove.Job], error) {
	list, err := f.Queue.Jobs(ctx, rest.Actor(ctx), queue.JobQuery{Serial: in.Serial, States: in.States}, in.Want())
	for i := range list.Items {
		f.illustrate(&list.Items[i])
	}
	return cloudapi.ListOf(list, in.Want()), err
}

// illustrate gives a job the links to the pictures of its plate and of its end.
func (f *face) illustrate(j *grove.Job) grove.Job {
	j.SnapshotURL = f.Library.JobPictureURL(j)
	if j.FileID != "" {
		j.CoverURL = f.Library.ThumbnailURL(grove.File{ID: j.FileID}, j.Plate)
	}
	return *j
}

type byJob struct {
	ID int64 `path:"id" minimum:"1"`
}

func (f *face) job(ctx context.Context, in *byJob) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Job(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(f.illustrate(&j)), err
}

func (f *face) cancel(ctx context.Context, in *byJob) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Cancel(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(f.illustrate(&j)), err
}

type resolveInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.JobOutcome
}

func (f *face) resolve(ctx context.Context, in *resolveInput) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Resolve(ctx, rest.Actor(ctx), in.ID, in.Body.Outcome)
	return cloudapi.Of(f.illustrate(&j)), err
}
