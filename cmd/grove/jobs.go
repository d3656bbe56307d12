package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type printCmd struct {
	File   string        `arg:"" help:"A file id, the name of an uploaded file, or a local file, which is uploaded first."`
	On     string        `required:"" help:"Serial of the printer." placeholder:"SERIAL"`
	Plate  int           `help:"Plate number; the first when not given." placeholder:"N"`
	UseAMS bool          `name:"use-ams" help:"Take filament from the AMS."`
	AMS    []int         `name:"ams-mapping" help:"Tray for each filament of the file; -1 for none, as in --ams-mapping=-1,0." placeholder:"N,…"`
	Level  bool          `name:"bed-leveling" help:"Level the bed first." default:"true" negatable:""`
	Wait   bool          `help:"Wait until the job is done; exit code 5 unless it finished."`
	Every  time.Duration `help:"How often --wait looks." default:"2s" hidden:""`
}

// Run makes a job.
func (c *printCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.PrintRequest{DeviceID: c.On, Plate: cloudapi.Int(c.Plate), Options: &grove.Options{
		UseAMS: c.UseAMS || len(c.AMS) > 0, AMSMapping: c.AMS, BedLeveling: c.Level,
	}}
	if err := c.name(ctx, cl, &in); err != nil {
		return err
	}
	started, err := cl.Print(ctx, in)
	if err != nil {
		return err
	}
	if !c.Wait {
		return at.show(started.Data, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "job %s %s; follow it with: grove jobs show %[1]s\n", started.JobID, started.Status)
		})
	}
	id, err := strconv.ParseInt(started.JobID, 10, 64)
	if err != nil {
		return fmt.Errorf("read the job's id: %w", err)
	}
	return c.wait(ctx, at, cl, id)
}

// name finds what is to be printed: a local file is uploaded first.
func (c *printCmd) name(ctx context.Context, cl *client.Client, in *cloudapi.PrintRequest) error {
	if _, err := os.Stat(c.File); errors.Is(err, fs.ErrNotExist) {
		f, err := cl.File(ctx, c.File)
		switch {
		case err == nil:
			in.FileID = f.ID
		case errors.Is(err, grove.NotFound), errors.Is(err, grove.Invalid): // not an id
			in.FileName = c.File
		default:
			return err
		}
		return nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	item, err := cl.Upload(ctx, client.Upload{Name: info.Name(), Size: info.Size(), Body: f, Progress: progress(info.Size(), info.Name())})
	in.FileID = item.FileID
	return err
}

// wait follows a job to its end, also past times when the cloud is away.
func (c *printCmd) wait(ctx context.Context, at *cloud, cl *client.Client, id int64) error {
	last := ""
	for {
		j, err := cl.Job(ctx, id)
		line := jobLine(j)
		if err != nil {
			line = fmt.Sprintf("job %d  waiting on: %s", id, grove.AsError(err).Message)
		}
		if ctx.Err() != nil {
			fmt.Fprintf(os.Stderr, "The job goes on. Follow it with: grove jobs show %d\n", id)
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, grove.Unavailable) && !errors.Is(err, grove.Limited) {
			return err
		}
		if line != last {
			fmt.Fprintln(os.Stderr, line)
			last = line
		}
		if err == nil && j.State.Done() {
			return done(at, j)
		}
		_ = pause(ctx, max(c.Every, 100*time.Millisecond, grove.AsError(err).RetryAfter)) // the loop sees that ctx has ended
	}
}

func done(at *cloud, j grove.Job) error {
	if err := at.show(j, func(w *tabwriter.Writer) { fmt.Fprintln(w, jobLine(j)) }); err != nil {
		return err
	}
	if j.State == grove.Finished {
		return nil
	}
	why := j.Why
	if why == "" {
		why = "no reason was given"
	}
	return grove.Errorf(grove.Conflict, grove.ReasonPrintFailed, "job %d ended as %s: %s", j.ID, j.State, why)
}

func jobLine(j grove.Job) string {
	line := fmt.Sprintf("job %d  %s", j.ID, j.State)
	if j.State == grove.Running {
		line += fmt.Sprintf("  %d %%", j.Percent)
	}
	if j.Why != "" {
		line += "  (" + j.Why + ")"
	}
	return line
}

type jobsCmd struct {
	List    jobsListCmd    `cmd:"" default:"withargs" help:"List your jobs."`
	Show    jobsShowCmd    `cmd:"" help:"Show one job."`
	Cancel  jobsCancelCmd  `cmd:"" help:"Cancel a job; a running print is stopped."`
	Resolve jobsResolveCmd `cmd:"" help:"Say what became of a job whose start is unknown."`
}

type jobsListCmd struct {
	paged
	On    string `help:"Only jobs of this printer." placeholder:"SERIAL"`
	State string `help:"Only jobs in this state." placeholder:"STATE"`
}

// Run lists jobs.
func (c *jobsListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Jobs(ctx, client.JobQuery{Serial: c.On, State: grove.JobState(c.State)}, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tPRINTER\tFILE\tPLATE\tSTATE\t%\tWHY")
		for _, j := range list.Items {
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%d\t%s\n", j.ID, j.Serial, j.FileName, j.Plate, j.State, j.Percent, j.Why)
		}
	})
}

type byJob struct {
	ID int64 `arg:"" help:"The job's id."`
}

func (c *byJob) act(at *cloud, act func(*client.Client) (grove.Job, error)) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	j, err := act(cl)
	if err != nil {
		return err
	}
	return at.show(j, func(w *tabwriter.Writer) { fmt.Fprintln(w, jobLine(j)) })
}

type jobsShowCmd struct{ byJob }

// Run shows one job.
func (c *jobsShowCmd) Run(ctx context.Context, at *cloud) error {
	return c.act(at, func(cl *client.Client) (grove.Job, error) { return cl.Job(ctx, c.ID) })
}

type jobsCancelCmd struct{ byJob }

// Run cancels a job.
func (c *jobsCancelCmd) Run(ctx context.Context, at *cloud) error {
	return c.act(at, func(cl *client.Client) (grove.Job, error) { return cl.CancelJob(ctx, c.ID) })
}

type jobsResolveCmd struct {
	byJob
	Outcome string `arg:"" enum:"running,finished,failed" help:"running, finished or failed (it never began)."`
}

// Run resolves an unknown start.
func (c *jobsResolveCmd) Run(ctx context.Context, at *cloud) error {
	return c.act(at, func(cl *client.Client) (grove.Job, error) {
		return cl.ResolveJob(ctx, c.ID, grove.JobState(c.Outcome))
	})
}
