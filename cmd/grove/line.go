package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type jobsFitCmd struct{ byJob }

// Run shows what each printer says to a job.
func (c *jobsFitCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	fits, err := cl.JobFit(ctx, c.ID)
	if err != nil {
		return err
	}
	return at.show(fits, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "PRINTER\tNAME\tFITS\tFILAMENT\tWHY NOT")
		for _, f := range fits {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Serial, f.Name, yes(f.Fits), filaments(f), misfits(f))
		}
	})
}

func misfits(f grove.Fit) string {
	words := make([]string, 0, len(f.Misfits))
	for _, m := range f.Misfits {
		words = append(words, m.Message)
	}
	return strings.Join(words, "; ")
}

// filaments says where each comes from and how near its colour is.
func filaments(f grove.Fit) string {
	words := make([]string, 0, len(f.Filaments))
	for _, m := range f.Filaments {
		from := "outside"
		if m.Tray >= 0 {
			from = "tray " + strconv.Itoa(m.Tray)
		}
		words = append(words, fmt.Sprintf("%s from %s: %s colour", m.Type, from, m.Match))
	}
	return strings.Join(words, ", ")
}

type jobsEditCmd struct {
	byJob
	On     string    `help:"Print it on this printer." placeholder:"SERIAL" xor:"where"`
	Any    bool      `help:"Print it on whichever of your printers fits." xor:"where"`
	Among  criteria  `embed:""`
	Plate  int       `help:"Print this plate." placeholder:"N"`
	Before time.Time `name:"not-before" help:"Start no sooner; a time that has passed: at once." placeholder:"TIME"`

	Revision string `help:"Only while nobody changed it since; from: grove jobs show --json." placeholder:"WORD"`
}

// Run changes a job.
func (c *jobsEditCmd) Run(ctx context.Context, at *cloud) error {
	in := cloudapi.JobEdit{Revision: c.Revision}
	var err error
	if in.Any, err = c.Among.wanted(c.Any); err != nil {
		return err
	}
	if c.On != "" {
		in.DeviceID = &c.On
	}
	if c.Plate != 0 {
		in.Plate = &c.Plate
	}
	if !c.Before.IsZero() {
		in.NotBefore = &c.Before
	}
	return c.act(at, func(cl *client.Client) (grove.Job, error) { return cl.EditJob(ctx, c.ID, in) })
}

type jobsMoveCmd struct {
	byJob
	Before string `help:"Before this job." placeholder:"ID" xor:"place" required:""`
	After  string `help:"After this job." placeholder:"ID" xor:"place" required:""`
	Top    bool   `help:"To the top." xor:"place" required:""`
	Bottom bool   `help:"To the bottom." xor:"place" required:""`
}

// Run moves a job.
func (c *jobsMoveCmd) Run(ctx context.Context, at *cloud) error {
	to := grove.LinePlace{Before: c.Before, After: c.After}
	if c.Top {
		to.To = "top"
	}
	if c.Bottom {
		to.To = "bottom"
	}
	return c.act(at, func(cl *client.Client) (grove.Job, error) { return cl.MoveJob(ctx, c.ID, to) })
}

type jobsReprintCmd struct{ byJob }

// Run makes the same job again.
func (c *jobsReprintCmd) Run(ctx context.Context, at *cloud) error {
	return c.act(at, func(cl *client.Client) (grove.Job, error) { return cl.ReprintJob(ctx, c.ID) })
}

type jobsFiguresCmd struct{ jobNarrow }

// Run shows how jobs ended.
func (c *jobsFiguresCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	f, err := cl.JobFigures(ctx, c.query())
	if err != nil {
		return err
	}
	return at.show(f, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "PRINTER\tFINISHED\tFAILED\tCANCELLED\tEXPIRED\tSUCCESS\tPRINTED\tGRAMS\tMETERS")
		for _, p := range f.Printers {
			tally(w, cmp.Or(p.Name, p.Serial, "none"), p.JobTally)
		}
		tally(w, "all", f.JobTally)
		fmt.Fprintln(w, "\nMATERIAL\tPRINTS\tGRAMS\tMETERS")
		for _, m := range f.Materials {
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.2f\n", cmp.Or(m.Type, "unknown"), m.Prints, m.Grams, m.Meters)
		}
	})
}

func tally(w *tabwriter.Writer, name string, t grove.JobTally) {
	rate := "-"
	if t.SuccessRate != nil {
		rate = fmt.Sprintf("%.0f %%", *t.SuccessRate*100)
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%.1f\t%.2f\n",
		name, t.Finished, t.Failed, t.Cancelled, t.Expired, rate, time.Duration(t.PrintSeconds)*time.Second, t.Grams, t.Meters)
}

type jobsExportCmd struct {
	jobNarrow
	State []string `help:"Only jobs in these states." placeholder:"STATE,…"`
}

// Run writes the table to standard output.
func (c *jobsExportCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	return cl.ExportJobs(ctx, c.query(c.State...), os.Stdout)
}
