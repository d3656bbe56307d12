package own

import (
	"context"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountJobs(rt *rest.Router) {
	const tag = "jobs"
	list := get("/jobs", tag, "My jobs, newest first")
	list.About = "With `order=line` and `state=queued` in the order in which they will be printed. `from` and `to` are about when jobs were made."
	rest.Handle(rt, list, f.jobs)
	create := post("/jobs", tag, "Print a file, on one printer or on any that fits")
	create.About = "Either `device_id` or `any`. Each of the `copies` becomes a job of its own, all or none; the answer lists them. " +
		"A printer that is not connected is 1004 and no job is made, unless `not_before` is ahead; a busy one lets the job wait."
	create.Status = http.StatusCreated
	rest.Handle(rt, create, f.createJobs)
	preview := post("/jobs/fit", tag, "Which of my printers could print a file")
	preview.About = "Makes nothing. Of each printer it says whether it could begin this moment, else why not, and which trays would be taken, those of `ams_mapping` or the choice of the server, with how near their colours are."
	rest.Handle(rt, preview, f.preview)
	rest.Handle(rt, get("/jobs/figures", tag, "How jobs ended, and what they took"), f.figures)
	export := get("/jobs/export", tag, "My jobs as a table, whole, newest first")
	export.About = "CSV with a head, narrowed as the list is. Text that a spreadsheet would take for a formula has a ' before it."
	rest.Plain(rt, export, rest.Raw{Gives: "text/csv", Query: []string{"device_id", "state", "file_id", "text", "from", "to"}}, f.exportJobs)
	rest.Handle(rt, get("/jobs/{id}", tag, "One job"), f.job)
	edit := op(http.MethodPatch, "/jobs/{id}", tag, "Change a job that waits")
	edit.About = "Only while it is queued: else 409. What is absent stays; `device_id` and `any` replace each other. " +
		"With the `revision` of the job as it was seen, 409 `job_changed` when somebody else changed it since."
	rest.Handle(rt, edit, f.editJob)
	rest.Handle(rt, get("/jobs/{id}/fit", tag, "Which of my printers could take a job, and why others can't"), f.fit)
	move := post("/jobs/{id}/move", tag, "Give a queued job another place in the line")
	move.About = "`before` or `after` another job, or `to` `top` or `bottom`. Of the jobs that could take the same printer, the first in line does."
	rest.Handle(rt, move, f.moveJob)
	again := post("/jobs/{id}/reprint", tag, "Print the same again")
	again.About = "A new job of the same file, plate, options and printers."
	again.Status = http.StatusCreated
	rest.Handle(rt, again, f.reprint)
	cancel := post("/jobs/{id}/cancel", tag, "Cancel a job, stopping its printer where it runs")
	cancel.About = "Never limited."
	cancel.Uncounted = rest.Always
	rest.Handle(rt, cancel, f.cancel)
	resolve := post("/jobs/{id}/resolve", tag, "Say what became of a start that nobody knows of")
	resolve.About = "For a job in the state unknown, after a look at the printer: running, finished, or failed when it never began."
	rest.Handle(rt, resolve, f.resolve)
}

// JobNarrow says which jobs. It is exported for huma, which looks into embedded
// fields only then.
type JobNarrow struct {
	Serial string           `query:"device_id" doc:"Only of the printer with this serial number."`
	States []grove.JobState `query:"state" doc:"One state or several, separated by commas." enum:"queued,claimed,uploading,ready,sending,accepted,running,finished,failed,cancelled,expired,unknown"`
	FileID string           `query:"file_id" maxLength:"64"`
	Text   string           `query:"text" maxLength:"200"`
	From   time.Time        `query:"from"`
	To     time.Time        `query:"to"`
}

func (n JobNarrow) query() grove.JobQuery {
	return grove.JobQuery{Serial: n.Serial, States: n.States, FileID: n.FileID, Text: n.Text, From: n.From, To: n.To}
}

type jobsInput struct {
	rest.Paging
	JobNarrow
	Order string `query:"order" enum:"newest,line"`
}

func (f *face) jobs(ctx context.Context, in *jobsInput) (cloudapi.Data[[]grove.Job], error) {
	query := in.query()
	query.Line = in.Order == "line"
	list, err := f.Queue.Jobs(ctx, rest.Actor(ctx), query, in.Want())
	f.illustrate(ctx, list.Items)
	return cloudapi.ListOf(list, in.Want()), err
}

// illustrate gives jobs the links to the pictures of their plates and of their ends, and
// says whether whoever asks has their files. It can't fail: what is answered is done.
func (f *face) illustrate(ctx context.Context, jobs []grove.Job) {
	ids := make([]string, 0, len(jobs))
	for i := range jobs {
		ids = append(ids, jobs[i].FileID)
	}
	held := f.Library.Held(ctx, rest.Actor(ctx), ids...)
	for i := range jobs {
		j := &jobs[i]
		j.SnapshotURL, j.FileYours = f.Library.JobPictureURL(j), held[j.FileID]
		if j.FileID != "" {
			j.CoverURL = f.Library.ThumbnailURL(grove.File{ID: j.FileID}, j.Plate)
		}
	}
}

// oneJob answers with a job, unless it is refused.
func (f *face) oneJob(ctx context.Context, j grove.Job, err error) (cloudapi.Data[grove.Job], error) {
	if err != nil {
		return cloudapi.Data[grove.Job]{}, err
	}
	shown := []grove.Job{j}
	f.illustrate(ctx, shown)
	return cloudapi.Of(shown[0]), nil
}

// submission is what a wish asks of the queue.
func submission(w cloudapi.JobWish) (queue.Submission, error) {
	s := queue.Submission{FileID: w.FileID, FileName: w.FileName, Plate: w.Plate, Any: w.Any}
	if w.FileID == "" && w.FileName == "" {
		return s, grove.Errorf(grove.Invalid, "missing_field", "name the file by file_id, or by file_name")
	}
	if w.Options != nil {
		s.Options = *w.Options
	}
	return s, nil
}

type jobInput struct {
	Body cloudapi.JobRequest
}

func (f *face) createJobs(ctx context.Context, in *jobInput) (cloudapi.Data[[]grove.Job], error) {
	b := in.Body
	s, err := submission(b.JobWish)
	if err == nil && (b.DeviceID == "") == (b.Any == nil) {
		err = oneOfBoth()
	}
	if err != nil {
		return cloudapi.Data[[]grove.Job]{}, err
	}
	s.Serial, s.NotBefore = b.DeviceID, b.NotBefore
	if b.Copies == 0 {
		b.Copies = 1
	}
	made, err := f.Queue.SubmitCopies(ctx, rest.Actor(ctx), s, b.Copies)
	f.illustrate(ctx, made)
	return cloudapi.Of(cloudapi.Items(made)), err
}

func oneOfBoth() error {
	return grove.Errorf(grove.Invalid, "which_printer", `say either which printer (device_id) or which may ("any": {}, which is each of yours that can print the file)`)
}

type wishInput struct {
	Body cloudapi.JobWish
}

func (f *face) preview(ctx context.Context, in *wishInput) (cloudapi.Data[[]grove.Fit], error) {
	s, err := submission(in.Body)
	if err != nil {
		return cloudapi.Data[[]grove.Fit]{}, err
	}
	fits, err := f.Queue.Preview(ctx, rest.Actor(ctx), s)
	return cloudapi.Of(cloudapi.Items(fits)), err
}

type byJob struct {
	ID int64 `path:"id" minimum:"1"`
}

func (f *face) job(ctx context.Context, in *byJob) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Job(ctx, rest.Actor(ctx), in.ID)
	return f.oneJob(ctx, j, err)
}

func (f *face) fit(ctx context.Context, in *byJob) (cloudapi.Data[[]grove.Fit], error) {
	fits, err := f.Queue.Fits(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(cloudapi.Items(fits)), err
}

type editInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.JobEdit
}

func (f *face) editJob(ctx context.Context, in *editInput) (cloudapi.Data[grove.Job], error) {
	b := in.Body
	if b.DeviceID != nil && b.Any != nil {
		return cloudapi.Data[grove.Job]{}, oneOfBoth()
	}
	j, err := f.Queue.Edit(ctx, rest.Actor(ctx), in.ID, queue.Edit{Revision: b.Revision, Plate: b.Plate, Options: b.Options, NotBefore: b.NotBefore, Serial: b.DeviceID, Any: b.Any})
	return f.oneJob(ctx, j, err)
}

type moveInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body grove.LinePlace
}

func (f *face) moveJob(ctx context.Context, in *moveInput) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Move(ctx, rest.Actor(ctx), in.ID, in.Body)
	return f.oneJob(ctx, j, err)
}

func (f *face) reprint(ctx context.Context, in *byJob) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Reprint(ctx, rest.Actor(ctx), in.ID)
	return f.oneJob(ctx, j, err)
}

func (f *face) cancel(ctx context.Context, in *byJob) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Cancel(ctx, rest.Actor(ctx), in.ID)
	return f.oneJob(ctx, j, err)
}

type resolveInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.JobOutcome
}

func (f *face) resolve(ctx context.Context, in *resolveInput) (cloudapi.Data[grove.Job], error) {
	j, err := f.Queue.Resolve(ctx, rest.Actor(ctx), in.ID, in.Body.Outcome)
	return f.oneJob(ctx, j, err)
}

func (f *face) figures(ctx context.Context, in *JobNarrow) (cloudapi.Data[grove.JobFigures], error) {
	out, err := f.Queue.Figures(ctx, rest.Actor(ctx), in.query())
	return cloudapi.Of(out), err
}
