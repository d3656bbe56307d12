// Command grove is the whole product: the cloud, simulated printers, and a
// client for this and every other server of the Cloud API.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/grovecloud/grove"
)

// cli is every flag and command. A flag wins over GROVE_…, that over the YAML
// file, that over the default; the names are the same everywhere.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with flags by their names." placeholder:"FILE"`

	Serve   serveCmd   `cmd:"" help:"Run the cloud."`
	Sim     simCmd     `cmd:"" help:"Run simulated printers that dial in to a cloud."`
	CA      caCmd      `cmd:"" name:"ca" help:"Print the certificate of the cloud's own CA."`
	Version versionCmd `cmd:"" help:"Print the version."`
	Bench   benchCmd   `cmd:"" help:"Measure a cloud with simulated printers."`

	Setup      setupCmd      `cmd:"" group:"client" help:"Make the first owner with the code that serve printed."`
	Login      loginCmd      `cmd:"" group:"client" help:"Sign in and keep the token."`
	Logout     logoutCmd     `cmd:"" group:"client" help:"End the session."`
	Printers   printersCmd   `cmd:"" group:"client" help:"List, bind, rename and unbind printers."`
	Upload     uploadCmd     `cmd:"" group:"client" help:"Upload a file."`
	Files      filesCmd      `cmd:"" group:"client" help:"List and download files."`
	Print      printCmd      `cmd:"" group:"client" help:"Print an uploaded file."`
	Jobs       jobsCmd       `cmd:"" group:"client" help:"List, cancel and resolve jobs."`
	PlateClear plateClearCmd `cmd:"" group:"client" help:"Confirm that a printer's plate is clear."`
	Watch      watchCmd      `cmd:"" group:"client" help:"Follow a printer live."`
	Cmd        cmdCmd        `cmd:"" group:"client" help:"Send a command to a printer."`
	Webhooks   webhooksCmd   `cmd:"" group:"client" help:"Create, list, test and replay webhooks."`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parser, err := kong.New(
		&c, kong.Name("grove"), kong.UsageOnError(), kong.DefaultEnvars("GROVE"), kong.Configuration(loadYAML),
		kong.Description("The Bambu Lab cloud that people run themselves: grove serve is the cloud, the other commands use it."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups([]kong.Group{{Key: "client", Title: "Using a cloud"}}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return report(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		if _, usage := errors.AsType[*kong.ParseError](err); usage {
			fmt.Fprintf(os.Stderr, "grove: %v\nTry grove --help, or grove COMMAND --help.\n", err)
			return exitInvalid
		}
		return report(err)
	}
	if err := parsed.Run(); err != nil {
		return report(err)
	}
	return 0
}

// Exit codes, one a kind of error.
const (
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitUnavailable = 4
	exitConflict    = 5
	exitForbidden   = 6
	exitInterrupted = 130
)

// report prints an error for a person and gives its exit code.
func report(err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	var e *grove.Error
	if !errors.As(err, &e) {
		fmt.Fprintln(os.Stderr, "grove:", err)
		return exitInternal
	}
	fmt.Fprintln(os.Stderr, "grove:", e.Error())
	switch e.Code {
	case grove.Invalid, grove.TooLarge:
		return exitInvalid
	case grove.Unauthenticated, grove.Forbidden:
		return exitForbidden
	case grove.NotFound:
		return exitNotFound
	case grove.Conflict:
		return exitConflict
	case grove.Limited, grove.Unavailable:
		return exitUnavailable
	case grove.Internal:
	}
	return exitInternal
}
