// Command grove is the whole product: the cloud, simulated printers, and a
// client for this and every other server of the Cloud API.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
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

	Conformance conformanceCmd `cmd:"" help:"Play every known client of the Cloud API against a server."`

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
	Webhooks   webhooksCmd   `cmd:"" group:"client" help:"Create, list, change, test and replay webhooks."`
}

const description = `The Bambu Lab cloud that people run themselves: grove serve is the cloud, the other commands use it.

Every flag can also be given by the environment or by the file of --config: --log-format is GROVE_LOG_FORMAT, and log-format in the file. A flag wins over the environment, that over the file.

Exit codes: 0 done, 1 something is broken, 2 wrong input, 3 not found, 4 not reachable or too busy, 5 not possible now (refused by the printer, job not finished), 6 not signed in or not allowed, 130 interrupted.`

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not end by itself
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c cli
	parser, err := kong.New(
		&c, kong.Name("grove"), kong.DefaultEnvars("GROVE"), kong.Configuration(loadYAML),
		kong.Description(description),
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
			fmt.Fprintf(os.Stderr, "grove: %v\n%sTry grove --help, or grove COMMAND --help.\n", err, negativeHint(args))
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

// negativeHint is for who writes a negative number where flags may be.
func negativeHint(args []string) string {
	for _, a := range args {
		if a == "--" {
			return ""
		}
		if _, err := strconv.ParseFloat(a, 64); err == nil && strings.HasPrefix(a, "-") {
			return "A negative number is taken for a flag: write --flag=" + a + ", or -- " + a + " where it is not a flag's.\n"
		}
	}
	return ""
}

// report prints an error for a person and gives its exit code.
func report(err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	e, ok := errors.AsType[*grove.Error](err)
	if !ok {
		fmt.Fprintln(os.Stderr, "grove:", err)
		return exitInternal
	}
	fmt.Fprintln(os.Stderr, "grove:", words(e))
	if e.RetryAfter > 0 {
		fmt.Fprintf(os.Stderr, "       Try again in %s.\n", e.RetryAfter)
	}
	if c, ok := errors.AsType[*client.Error](err); ok && c.Status >= http.StatusInternalServerError && c.RequestID != "" {
		fmt.Fprintf(os.Stderr, "       The request is %s in the server's log.\n", c.RequestID)
	}
	return exitCode(e.Code)
}

// words are an error's message with its cause set apart.
func words(e *grove.Error) string {
	if e.Message == "" || e.Err == nil {
		return e.Error()
	}
	return fmt.Sprintf("%s\n       (%v)", e.Message, e.Err)
}

func exitCode(code grove.Code) int {
	switch code {
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
