package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

func jobLine(j grove.Job) string {
	line := fmt.Sprintf("job %d  %s", j.ID, j.State)
	if j.State == grove.Running || j.State == grove.Uploading {
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
	return showList(at, c.paged, list, "No such jobs. Make one with: grove print FILE --on SERIAL", func(w *tabwriter.Writer) {
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
