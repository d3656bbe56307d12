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
	cloud
	File   string        `arg:"" help:"A file id, the name of an uploaded file, or a local file, which is uploaded first."`
	On     string        `required:"" help:"Serial of the printer." placeholder:"SERIAL"`
	Plate  int           `help:"Plate number; the first when not given." placeholder:"N"`
	UseAMS bool          `name:"use-ams" help:"Take filament from the AMS."`
	AMS    []int         `name:"ams-mapping" help:"Tray for each filament of the file; -1 for none." placeholder:"N,…"`
	Level  bool          `name:"bed-leveling" help:"Level the bed first." default:"true" negatable:""`
	Wait   bool          `help:"Wait until the job is done; exit code 5 unless it finished."`
	Every  time.Duration `help:"How often --wait looks." default:"2s" hidden:""`
}

// Run makes a job.
func (c *printCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
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
		return c.show(started.Data, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "job %s %s; follow it with: grove jobs show %[1]s\n", started.JobID, started.Status)
		})
	}
	id, err := strconv.ParseInt(started.JobID, 10, 64)
	if err != nil {
		return fmt.Errorf("read the job's id: %w", err)
	}
	return c.wait(ctx, cl, id)
}

// name finds what is to be printed: a local file is uploaded first.
func (c *printCmd) name(ctx context.Context, cl *client.Client, in *cloudapi.PrintRequest) error {
	if _, err := os.Stat(c.File); errors.Is(err, fs.ErrNotExist) {
		if f, err := cl.File(ctx, c.File); err == nil {
			in.FileID = f.ID
			return nil
		}
		in.FileName = c.File
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

func (c *printCmd) wait(ctx context.Context, cl *client.Client, id int64) error {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	last := ""
	for {
		j, err := cl.Job(ctx, id)
		if err != nil {
			return err
		}
		if line := jobLine(j); line != last {
			fmt.Fprintln(os.Stderr, line)
			last = line
		}
		if j.State.Done() {
			return c.done(j)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c *printCmd) done(j grove.Job) error {
	if err := c.show(j, func(w *tabwriter.Writer) { fmt.Fprintln(w, jobLine(j)) }); err != nil {
		return err
	}
	if j.State == grove.Finished {
		return nil
	}
	return grove.Errorf(grove.Conflict, grove.ReasonPrintFailed, "job %d ended as %s: %s", j.ID, j.State, j.Why)
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
	cloud
	paged
	On    string `help:"Only jobs of this printer." placeholder:"SERIAL"`
	State string `help:"Only jobs in this state." placeholder:"STATE"`
}

// Run lists jobs.
func (c *jobsListCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Jobs(ctx, client.JobQuery{Serial: c.On, State: grove.JobState(c.State)}, c.page())
	if err != nil {
		return err
	}
	return c.show(list.Items, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tPRINTER\tFILE\tPLATE\tSTATE\t%\tWHY")
		for _, j := range list.Items {
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%d\t%s\n", j.ID, j.Serial, j.FileName, j.Plate, j.State, j.Percent, j.Why)
		}
	})
}

type byJob struct {
	cloud
	ID int64 `arg:"" help:"The job's id."`
}

func (c *byJob) act(act func(*client.Client) (grove.Job, error)) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	j, err := act(cl)
	if err != nil {
		return err
	}
	return c.show(j, func(w *tabwriter.Writer) { fmt.Fprintln(w, jobLine(j)) })
}

type jobsShowCmd struct{ byJob }

// Run shows one job.
func (c *jobsShowCmd) Run(ctx context.Context) error {
	return c.act(func(cl *client.Client) (grove.Job, error) { return cl.Job(ctx, c.ID) })
}

type jobsCancelCmd struct{ byJob }

// Run cancels a job.
func (c *jobsCancelCmd) Run(ctx context.Context) error {
	return c.act(func(cl *client.Client) (grove.Job, error) { return cl.CancelJob(ctx, c.ID) })
}

type jobsResolveCmd struct {
	byJob
	Outcome string `arg:"" enum:"running,finished,failed" help:"running, finished or failed (it never began)."`
}

// Run resolves an unknown start.
func (c *jobsResolveCmd) Run(ctx context.Context) error {
	return c.act(func(cl *client.Client) (grove.Job, error) {
		return cl.ResolveJob(ctx, c.ID, grove.JobState(c.Outcome))
	})
}
