package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
)

type printersReportCmd struct {
	Serial string `arg:"" help:"The printer's serial."`
}

// Run shows a report as the printer wrote it.
func (c *printersReportCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	r, err := cl.Report(ctx, c.Serial)
	if err != nil {
		return err
	}
	return at.show(r, func(w *tabwriter.Writer) {
		var b bytes.Buffer
		if err := json.Indent(&b, r.Report, "", "  "); err != nil { // it came as JSON
			b.Write(r.Report)
		}
		fmt.Fprintln(w, b.String())
		if r.ReportedAt.IsZero() {
			fmt.Fprintln(os.Stderr, "The printer has not reported yet.")
			return
		}
		fmt.Fprintf(os.Stderr, "Reported %s ago.\n", (time.Duration(r.AgeSeconds) * time.Second).String())
	})
}

type printersTemperaturesCmd struct {
	Serial string        `arg:"" help:"The printer's serial."`
	Last   time.Duration `default:"6h" help:"How far back; seven days are kept."`
	Points int           `default:"24" help:"In how many steps, 2 to 2000."`
}

// Run shows a table, oldest first.
func (c *printersTemperaturesCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	now := time.Now()
	t, err := cl.Temperatures(ctx, c.Serial, now.Add(-c.Last), now, c.Points)
	if err != nil {
		return err
	}
	return at.show(t, func(w *tabwriter.Writer) { tellTemperatures(w, t) })
}

func tellTemperatures(w *tabwriter.Writer, t grove.Temperatures) {
	fmt.Fprintln(w, "TIME\tNOZZLE\tBED\tCHAMBER")
	for i := range t.NozzleCelsius {
		when := t.From.Add(time.Duration(i*t.StepSeconds) * time.Second).Local().Format("Mon 15:04:05")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", when, heat(t.NozzleCelsius[i], t.NozzleTargetCelsius[i]),
			heat(t.BedCelsius[i], t.BedTargetCelsius[i]), heat(t.ChamberCelsius[i], t.ChamberTargetCelsius[i]))
	}
}

// heat is a temperature and what it shall become, if anything.
func heat(now, target *float64) string {
	switch {
	case now == nil:
		return "-"
	case target == nil || *target == 0:
		return fmt.Sprintf("%.1f", *now)
	}
	return fmt.Sprintf("%.1f / %g", *now, *target)
}
