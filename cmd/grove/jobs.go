package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

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
	Fit     jobsFitCmd     `cmd:"" help:"Show which printers could take a job, and why others can't."`
	Edit    jobsEditCmd    `cmd:"" help:"Change a job that waits."`
	Move    jobsMoveCmd    `cmd:"" help:"Give a queued job another place in the line."`
	Reprint jobsReprintCmd `cmd:"" help:"Print the same again."`
	Cancel  jobsCancelCmd  `cmd:"" help:"Cancel a job; a running print is stopped."`
	Resolve jobsResolveCmd `cmd:"" help:"Say what became of a job whose start is unknown."`
	Figures jobsFiguresCmd `cmd:"" help:"Show how jobs ended, and what they took."`
	Export  jobsExportCmd  `cmd:"" help:"Write jobs as a table (CSV)."`
}

// jobNarrow are the flags of whatever is about several jobs.
type jobNarrow struct {
	On   string    `help:"Only jobs of this printer." placeholder:"SERIAL"`
	File string    `help:"Only jobs of this file." placeholder:"ID"`
	Text string    `help:"Only jobs whose file has this in its name." placeholder:"TEXT"`
	From time.Time `help:"Only jobs made then or later, as in 2026-01-31T00:00:00Z." placeholder:"TIME"`
	To   time.Time `help:"Only jobs made earlier." placeholder:"TIME"`
}

func (n jobNarrow) query(states ...string) grove.JobQuery {
	q := grove.JobQuery{Serial: n.On, FileID: n.File, Text: n.Text, From: n.From, To: n.To}
	for _, s := range states {
		q.States = append(q.States, grove.JobState(s))
	}
	return q
}

type jobsListCmd struct {
	paged
	jobNarrow
	State []string `help:"Only jobs in these states." placeholder:"STATE,…"`
	Line  bool     `help:"Those that wait, in the order in which they will be printed."`
}

// Run lists jobs.
func (c *jobsListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	q := c.query(c.State...)
	if q.Line = c.Line; c.Line && len(c.State) == 0 {
		q.States = []grove.JobState{grove.Queued}
	}
	list, err := cl.Jobs(ctx, q, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No such jobs. Make one with: grove print FILE --on SERIAL", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tPRINTER\tFILE\tPLATE\tSTATE\t%\tWHY")
		for _, j := range list.Items {
			fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%d\t%s\n", j.ID, cmp.Or(j.Serial, "any"), j.FileName, j.Plate, j.State, j.Percent, j.Why)
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
