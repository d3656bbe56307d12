// Command grove is the whole product: the cloud, simulated printers, and a
// client for this and every other server of the Cloud API.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/grovecloud/grove"
)

// cli is every flag and command. A flag wins over GROVE_…, that over the YAML
// file, that over the default; the names are the same everywhere.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with flags by their names." placeholder:"FILE"`
	At     cloud           `embed:"" group:"cloud"`

	Serve   serveCmd   `cmd:"" help:"Run the cloud."`
	CA      caCmd      `cmd:"" name:"ca" help:"Print the certificate of the cloud's own CA."`
	Version versionCmd `cmd:"" help:"Print the version."`
	Bridge  bridgeCmd  `cmd:"" help:"Carry the printers of this network to a cloud elsewhere."`
	Bench   benchCmd   `cmd:"" help:"Measure a cloud with simulated printers."`

	Setup       setupCmd       `cmd:"" group:"client" help:"Make the first owner with the code that serve printed."`
	Login       loginCmd       `cmd:"" group:"client" help:"Sign in and keep the token."`
	Logout      logoutCmd      `cmd:"" group:"client" help:"End the session."`
	Printers    printersCmd    `cmd:"" group:"client" help:"List, show, bind, add, rename, unbind and share printers."`
	Discover    discoverCmd    `cmd:"" group:"client" help:"Look for printers on the cloud's networks."`
	Doctor      doctorCmd      `cmd:"" group:"client" help:"Try printers on the cloud's networks step by step, and say what to do."`
	Upload      uploadCmd      `cmd:"" group:"client" help:"Upload a file."`
	Files       filesCmd       `cmd:"" group:"client" help:"List, download and delete files."`
	Print       printCmd       `cmd:"" group:"client" help:"Print a file: an uploaded one, or a local one."`
	Jobs        jobsCmd        `cmd:"" group:"client" help:"List, cancel and resolve jobs."`
	PlateClear  plateClearCmd  `cmd:"" group:"client" help:"Confirm that a printer's plate is clear."`
	Watch       watchCmd       `cmd:"" group:"client" help:"Follow a printer live."`
	Cmd         cmdCmd         `cmd:"" group:"client" help:"Send a command to a printer."`
	Events      eventsCmd      `cmd:"" group:"client" help:"Show what happened, and follow what comes."`
	Clock       clockCmd       `cmd:"" group:"client" help:"Show the server's time, and confirm it after a jump."`
	Server      serverCmd      `cmd:"" group:"client" help:"Show the server, try its mail, and what clients need to come to it."`
	Account     accountCmd     `cmd:"" group:"client" help:"Protect the account, change its password, end its sessions."`
	People      peopleCmd      `cmd:"" group:"client" help:"List and invite people, give roles, help who forgot a password; for those who run the server."`
	Keys        keysCmd        `cmd:"" group:"client" help:"Make, list and revoke API keys for programs."`
	Bridges     bridgesCmd     `cmd:"" group:"client" help:"Make, list and remove bridges to printers of other networks."`
	Sim         simCmd         `cmd:"" group:"client" help:"Run simulated printers that dial in to a cloud or stand on a network."`
	Conformance conformanceCmd `cmd:"" group:"client" help:"Play every known client of the Cloud API against a server."`
	Webhooks    webhooksCmd    `cmd:"" group:"client" help:"Create, list, change, test and replay webhooks."`
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
		kong.ExplicitGroups([]kong.Group{
			{Key: clientGroup, Title: "Using a cloud"}, {Key: cloudGroup, Title: "Flags of every command that uses a cloud, before it or behind it:"},
		}),
		kong.Help(help), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&c.At),
	)
	if err != nil {
		return report(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		if wrong, usage := errors.AsType[*kong.ParseError](err); usage {
			fmt.Fprintf(os.Stderr, "grove: %v\n%sTry %s --help.\n", err, negativeHint(args), command(wrong.Context))
			return exitInvalid
		}
		return report(err)
	}
	if err := fits(parsed); err != nil {
		return report(err)
	}
	err = parsed.Run()
	if grove.HasReason(err, grove.ReasonUnconfirmed) && interactive() {
		if err = (proof{}).confirm(ctx, &c.At); err == nil {
			err = parsed.Run() // nothing was done yet: commands ask for one guarded thing, first
		}
	}
	if err != nil {
		return report(c.At.advise(err))
	}
	return 0
}

// Groups of the help: the commands that use a cloud, and the flags of them all.
const (
	clientGroup = "client"
	cloudGroup  = "cloud"
)

// command is what was called, as far as it could be read.
func command(c *kong.Context) string {
	if n := c.Selected(); n != nil {
		return n.FullPath()
	}
	return c.Model.Name
}

func usesCloud(c *kong.Context) bool {
	n := c.Selected()
	return n == nil || n.ClosestGroup() != nil && n.ClosestGroup().Key == clientGroup
}

// help shows the flags that say which cloud where they mean something.
func help(o kong.HelpOptions, c *kong.Context) error {
	for _, f := range c.Model.Flags {
		f.Hidden = f.Hidden || f.Group != nil && f.Group.Key == cloudGroup && !usesCloud(c)
	}
	return kong.DefaultHelpPrinter(o, c)
}

// fits refuses flags that say which cloud where no cloud is used.
func fits(c *kong.Context) error {
	for _, p := range c.Path {
		if f := p.Flag; f != nil && f.Group != nil && f.Group.Key == cloudGroup && !usesCloud(c) {
			return grove.Errorf(grove.Invalid, "no_such_flag", "%s uses no cloud and has no --%s; see %[1]s --help", command(c), f.Name)
		}
	}
	return nil
}

// Exit codes, one a kind of error.
const (
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitUnavailable = 4
	exitConflict    = 5
	exitForbidden   = 6
	exitUntried     = 7
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
