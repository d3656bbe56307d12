package cloud

import (
	"context"
	"encoding/json"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountPrint(rt *rest.Router) {
	const at = iotService + "/user/print"
	list := get(at, tagPrint, "My printers with what they print, and jobs")
	list.About = "`devices` are all printers; `data.jobs` are jobs, newest first, which paging and `status` are about."
	rest.Handle(rt, list, f.prints)
	start := post(at, tagPrint, "Print an uploaded file")
	start.About = "The file is named by `file_id`, `file_name` (the newest of that name) or `file_url`. A printer that is not connected is 1004 and no job is made; a busy one lets the job wait."
	rest.Handle(rt, start, f.print)
}

type printsInput struct {
	rest.VendorPaging
	Force    string `query:"force" doc:"Tolerated: what is told is always fresh."`
	DeviceID string `query:"device_id"`
	DevID    string `query:"dev_id"`
	Status   string `query:"status" enum:"printing,completed,failed"`
}

func (f *face) prints(ctx context.Context, in *printsInput) (cloudapi.Prints, error) {
	page, serial := in.Want(), firstText(in.DeviceID, in.DevID)
	printers, err := f.Fleet.Printers(ctx, rest.Actor(ctx), grove.Page{})
	if err != nil {
		return cloudapi.Prints{}, err
	}
	jobs, err := f.Queue.Jobs(ctx, rest.Actor(ctx), grove.JobQuery{Serial: serial, States: statesNamed(in.Status)}, page)
	if err != nil {
		return cloudapi.Prints{}, err
	}
	out := cloudapi.Prints{
		Envelope: cloudapi.Success(), Devices: []cloudapi.PrintDevice{},
		Data: cloudapi.PrintJobs{Jobs: []cloudapi.PrintJob{}}, Pagination: cloudapi.Pages(jobs.Total, jobs.More, page),
	}
	for _, j := range jobs.Items {
		out.Data.Jobs = append(out.Data.Jobs, printJob(&j))
	}
	for i := range printers.Items {
		if p := &printers.Items[i]; serial == "" || serial == p.Serial {
			out.Devices = append(out.Devices, f.printDevice(ctx, p))
		}
	}
	return out, nil
}

// printDevice is a printer with the job of ours that it is on, if any.
func (f *face) printDevice(ctx context.Context, p *grove.Live) cloudapi.PrintDevice {
	d := cloudapi.PrintDevice{Device: deviceOf(p), Print: json.RawMessage("null")}
	if live, err := f.Fleet.Live(ctx, rest.Actor(ctx), p.Serial); err == nil && len(live.Raw) > 0 {
		d.Print = live.Raw
	}
	if p.Shadow.Idle() || p.Shadow.State == "" {
		return d
	}
	s := p.Shadow
	d.TaskID, d.TaskName, d.Progress = &s.TaskID, &s.FileName, &s.Percent
	job, err := f.Queue.Job(ctx, rest.Actor(ctx), d.PrintJob)
	if err != nil || job.Serial != p.Serial {
		return d // begun at the printer's screen, or by another cloud
	}
	profile, start := decimal(job.ProfileID), cloudapi.FormatTime(job.StartedAt)
	d.ModelID, d.ProfileID, d.StartTime, d.Prediction = &job.ModelID, &profile, &start, &job.EstimateSeconds
	if file, err := f.fileOf(ctx, &job); err == nil {
		cover, owner := f.cover(&file, job.Plate), file
		if named, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), job.ProfileID); err == nil {
			owner = named
		}
		project := decimal(owner.ProjectID)
		d.ProjectID, d.Thumbnail = &project, &cover
	}
	return d
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// statesNamed are the states that a documented filter stands for; none means all.
func statesNamed(status string) []grove.JobState {
	switch status {
	case "printing":
		return []grove.JobState{grove.Sending, grove.Accepted, grove.Running, grove.Unknown}
	case "completed":
		return []grove.JobState{grove.Finished}
	case "failed":
		return []grove.JobState{grove.Failed, grove.Cancelled, grove.Expired}
	}
	return nil
}

// statusNamed is a job's state in the documented words where there is one.
func statusNamed(state grove.JobState) string {
	switch state {
	case grove.Accepted, grove.Running:
		return "printing"
	case grove.Finished:
		return "completed"
	case grove.Queued, grove.Claimed, grove.Uploading, grove.Ready, grove.Sending,
		grove.Failed, grove.Cancelled, grove.Expired, grove.Unknown:
	}
	return string(state)
}

func printJob(j *grove.Job) cloudapi.PrintJob {
	return cloudapi.PrintJob{
		JobID: j.TaskID(), DeviceID: j.Serial, FileName: j.FileName, Status: statusNamed(j.State), Progress: progress(j),
		TimeRemaining: remaining(j), StartedAt: timestamp(j.StartedAt),
	}
}

func progress(j *grove.Job) int {
	if j.State == grove.Finished {
		return 100
	}
	return j.Percent
}

// remaining is an estimate in seconds, by the share that is not printed yet.
func remaining(j *grove.Job) int {
	if j.State.Done() {
		return 0
	}
	return j.EstimateSeconds * (100 - j.Percent) / 100
}

type printInput struct {
	Body cloudapi.PrintRequest
}

func (f *face) print(ctx context.Context, in *printInput) (cloudapi.PrintStarted, error) {
	b := in.Body
	if err := rest.Need("device_id", b.DeviceID); err != nil {
		return cloudapi.PrintStarted{}, err
	}
	wish := queue.Submission{Serial: b.DeviceID, FileID: firstText(b.FileID, fileIn(b.FileURL)), FileName: b.FileName, Plate: int(b.Plate)}
	if wish.FileID == "" && wish.FileName == "" {
		return cloudapi.PrintStarted{}, grove.Errorf(grove.Invalid, "missing_field",
			"name the file by file_id, by file_name, or by the file_url it has here; files elsewhere must be uploaded first")
	}
	if b.Options != nil {
		wish.Options = *b.Options
	}
	job, err := f.Queue.Submit(ctx, rest.Actor(ctx), wish)
	if err != nil {
		return cloudapi.PrintStarted{}, err
	}
	named := cloudapi.PrintStartedID{JobID: job.TaskID(), Status: statusNamed(job.State)}
	return cloudapi.PrintStarted{Envelope: cloudapi.Said("Success"), JobID: named.JobID, Status: named.Status, Data: named}, nil
}

// fileIn finds the file id in one of this server's own links: /u/f_…, /f/f_…/content.
func fileIn(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	for part := range strings.SplitSeq(path.Clean(u.Path), "/") {
		if strings.HasPrefix(part, "f_") {
			return part
		}
	}
	return ""
}
