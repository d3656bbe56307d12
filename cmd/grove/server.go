package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

type serverCmd struct {
	Show     serverShowCmd     `cmd:"" default:"withargs" help:"Show version, sizes, limits and certificate of the server; for those who run it."`
	MailTest serverMailTestCmd `cmd:"" help:"Have the server mail something to you."`
	Kits     serverKitsCmd     `cmd:"" help:"Show what to enter in each kind of client."`
}

type serverShowCmd struct{}

// Run shows the server.
func (*serverShowCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	s, err := cl.Server(ctx)
	if err != nil {
		return err
	}
	return at.show(s, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "version\t%s\nup for\t%s\ndatabase\t%s, %s\n", s.Version, time.Duration(s.UptimeSeconds)*time.Second, s.Database.Kind, bytesOf(s.Database.SizeBytes))
		fmt.Fprintf(w, "files\t%d, %s\nfree\t%s of %s\n", s.Files.Count, bytesOf(s.Files.SizeBytes), bytesOf(s.Files.FreeBytes), bytesOf(s.Files.TotalBytes))
		fmt.Fprintf(w, "limits\t%s\nmail\t%s\nprinters\t%d, %d of them online\n", s.Limits.Rates, yes(s.Mail), s.Printers.Bound, s.Printers.Online)
		fmt.Fprintf(w, "certificate\t%s, until %s\nnames\t%s\nfingerprint\t%s\nCA\t%s\n", s.Certificate.Kind, s.Certificate.NotAfter.Local().Format(time.DateOnly),
			strings.Join(s.Certificate.Names, " "), s.Certificate.SHA256, s.CA.SHA256)
	})
}

// bytesOf writes a number of bytes for a person; negative is not known.
func bytesOf(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

type serverMailTestCmd struct{}

// Run has a letter mailed.
func (*serverMailTestCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	to, err := cl.TestMail(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "The mail server has taken a letter to %s.\n", to)
	return nil
}

type serverKitsCmd struct{}

// Run shows what to enter in each kind of client.
func (*serverKitsCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	k, err := cl.Kits(ctx)
	if err != nil {
		return err
	}
	return at.show(k, func(w *tabwriter.Writer) {
		for _, kit := range k.Kits {
			for _, s := range kit.Settings {
				fmt.Fprintf(w, "%s\t%s\t%s\n", kit.Client, s.Name, s.Value)
			}
		}
	})
}
