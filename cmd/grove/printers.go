package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type printersCmd struct {
	List         printersListCmd         `cmd:"" default:"withargs" help:"List your printers."`
	Show         printersShowCmd         `cmd:"" help:"Show a printer with its access code."`
	Bind         printersBindCmd         `cmd:"" help:"Make a printer yours."`
	Rename       printersRenameCmd       `cmd:"" help:"Give a printer another name."`
	Tag          printersTagCmd          `cmd:"" help:"Give a printer tags, which jobs of any printer can ask for."`
	Unbind       printersUnbindCmd       `cmd:"" help:"Give a printer up."`
	Files        printersFilesCmd        `cmd:"" help:"List, download or delete what lies on a printer's own storage, timelapses for example."`
	Report       printersReportCmd       `cmd:"" help:"Show all that a printer said, in its own words."`
	Temperatures printersTemperaturesCmd `cmd:"" help:"Show how hot a printer was."`
	PIN          printersPINCmd          `cmd:"" name:"pin" help:"Make a PIN that gives a printer to whoever types it."`
	Claim        printersClaimCmd        `cmd:"" help:"Take the printer of a PIN over."`

	Add     printersAddCmd     `cmd:"" help:"Add a printer on the cloud's network by its address, or a file of them."`
	Pair    printersPairCmd    `cmd:"" help:"Pair such a printer anew, after its key or its access code changed."`
	Address printersAddressCmd `cmd:"" help:"Say where such a printer stands now."`

	Share   printersShareCmd   `cmd:"" help:"Share a printer with another account, or by a link."`
	Accept  printersAcceptCmd  `cmd:"" help:"Accept a printer that a link shares with you."`
	Shares  printersSharesCmd  `cmd:"" help:"List the printers you share, and those shared with you."`
	Unshare printersUnshareCmd `cmd:"" help:"End a share, as its owner or as its guest."`
}

type printersListCmd struct{}

// Run lists the printers as every server of the API shows them.
func (c *printersListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	devices, err := cl.Devices(ctx)
	if err != nil {
		return err
	}
	return at.show(devices, func(w *tabwriter.Writer) {
		if len(devices) == 0 {
			fmt.Fprintln(w, "No printers yet. Bind one with: grove printers bind SERIAL --name NAME")
			return
		}
		fmt.Fprintln(w, "SERIAL\tNAME\tMODEL\tONLINE\tSTATE")
		for _, d := range devices {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.ID, d.Name, modelName(d), yes(d.Online), d.PrintStatus)
		}
	})
}

func modelName(d cloudapi.Device) string {
	if d.ProductName != "" {
		return d.ProductName
	}
	if m, ok := bambu.LookupModel(d.ModelName); ok {
		return m.Product
	}
	return d.ModelName
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type printersShowCmd struct {
	Serial string `arg:"" help:"The printer's serial."`
}

// Run shows one printer. Its access code is the owner's, but not for everybody who
// sees a list over a shoulder.
func (c *printersShowCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	d, ok, err := device(ctx, cl, c.Serial)
	if err != nil {
		return err
	}
	if !ok {
		return grove.NoPrinter(c.Serial)
	}
	return at.show(d, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "serial\t%s\nname\t%s\nmodel\t%s\nonline\t%s\nstate\t%s\naccess code\t%s\n",
			d.ID, d.Name, modelName(d), yes(d.Online), d.PrintStatus, string(d.AccessCode))
	})
}

// device is one of the account's printers, as every server of the API shows it.
func device(ctx context.Context, cl *client.Client, serial string) (cloudapi.Device, bool, error) {
	devices, err := cl.Devices(ctx)
	if err != nil {
		return cloudapi.Device{}, false, err
	}
	i := slices.IndexFunc(devices, func(d cloudapi.Device) bool { return d.ID == serial })
	if i < 0 {
		return cloudapi.Device{}, false, nil
	}
	return devices[i], true, nil
}

type printersBindCmd struct {
	Serial string `arg:"" help:"The printer's serial."`
	Name   string `help:"What to call it." placeholder:"TEXT"`
	Code   string `help:"Its access code; one is made if you give none. For a printer that belongs to another account: the present code." placeholder:"CODE"`
	Model  string `help:"Its model, such as P1S or C12; else the printer says it itself." placeholder:"MODEL"`
	Clear  bool   `name:"plate-clear" help:"You looked: its plate is clear. Else the first print waits until you say so."`
}

// Run binds a printer and shows its device secret, this once.
func (c *printersBindCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	_, before, err := device(ctx, cl, c.Serial)
	if err != nil {
		return err
	}
	in := cloudapi.BindRequest{DeviceID: c.Serial, DeviceName: c.Name, BindCode: grove.Secret(c.Code), Model: c.Model, PlateClear: c.Clear}
	b, err := cl.Bind(ctx, in)
	if err != nil {
		return err
	}
	if before {
		fmt.Fprintf(os.Stderr, "%s was bound already: its device secret and access code are new, the former have ended.\n", c.Serial)
	}
	return at.show(b.Data, func(w *tabwriter.Writer) {
		d := b.Data.DeviceInfo
		fmt.Fprintf(w, "serial\t%s\nname\t%s\naccess code\t%s\ndevice secret\t%s\n", d.ID, d.Name, string(d.AccessCode), string(b.Data.DeviceSecret))
		fmt.Fprintln(w, "\nThe device secret is what the printer signs in with (user: its serial). It is shown only now.")
	})
}

type printersRenameCmd struct {
	Serial string `arg:""`
	Name   string `arg:""`
}

// Run renames a printer.
func (c *printersRenameCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.Rename(ctx, c.Serial, c.Name); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is called %s now.\n", c.Serial, c.Name)
	return nil
}

type printersTagCmd struct {
	Serial string   `arg:""`
	Tags   []string `arg:"" optional:"" help:"All its tags from now on; none takes them away."`
}

// Run tags a printer.
func (c *printersTagCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	tags := append([]string{}, c.Tags...)
	p, err := cl.ChangePrinter(ctx, c.Serial, cloudapi.PrinterEdit{Tags: &tags})
	if err != nil {
		return err
	}
	return at.show(p, func(w *tabwriter.Writer) { fmt.Fprintf(w, "%s  %s\n", p.Name, strings.Join(p.Tags, ", ")) })
}

type printersUnbindCmd struct {
	Serial string `arg:""`
}

// Run gives a printer up.
func (c *printersUnbindCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.Unbind(ctx, c.Serial); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is not yours any more; its access code and device secret have ended.\n", c.Serial)
	return nil
}

type plateClearCmd struct {
	Serial string `arg:"" help:"The printer whose plate you have seen to be empty."`
}

// Run confirms that a plate is clear.
func (c *plateClearCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	p, err := cl.ClearPlate(ctx, c.Serial)
	if err != nil {
		return err
	}
	return at.show(p, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "The plate of %s is confirmed clear.\n", p.Name)
	})
}

type cmdCmd struct {
	Serial  string `arg:"" help:"The printer."`
	Command string `arg:"" help:"pause, resume, stop, set_nozzle_temp, set_bed_temp, set_chamber_temp, set_fan_speed, set_airduct, set_ctt, or a whole JSON message."`
	Param   string `arg:"" optional:"" help:"The command's parameter: °C or percent. A negative one goes behind --."`
	Job     string `help:"For the print of this job alone: refused once the printer is surely at another, or, unless it is a stop or a pause, at rest." placeholder:"ID"`
}

// Run sends a command and tells what the printer answered. A command that the
// printer rejects, or does not answer, is a failure.
func (c *cmdCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	message, err := c.message()
	if err != nil {
		return err
	}
	r, err := c.send(ctx, cl, message)
	if err != nil {
		return err
	}
	failed := r.Outcome == grove.CommandRejected || r.Outcome == grove.CommandTimedOut
	if !failed || at.JSON {
		if err := at.show(r, func(w *tabwriter.Writer) { fmt.Fprintln(w, outcomeLine(r)) }); err != nil {
			return err
		}
	}
	switch r.Outcome {
	case grove.CommandRejected:
		return grove.Errorf(grove.Conflict, "rejected", "the printer rejected %s: %s", r.Command, r.Reason)
	case grove.CommandTimedOut:
		return grove.Errorf(grove.Unavailable, "timed_out", "the printer did not answer %s; it may or may not have done it, look with: grove watch %s", r.Command, c.Serial)
	case grove.CommandSent, grove.CommandAccepted, grove.CommandQueued:
	}
	return nil
}

func (c *cmdCmd) send(ctx context.Context, cl *client.Client, message []byte) (grove.CommandResult, error) {
	if c.Job == "" {
		return cl.Command(ctx, c.Serial, message)
	}
	return cl.CommandForPrint(ctx, c.Serial, message, grove.ExpectedPrint{TaskID: c.Job})
}

func outcomeLine(r grove.CommandResult) string {
	line := r.Command + "  " + string(r.Outcome)
	if r.Reason != "" {
		line += "  (" + r.Reason + ")"
	}
	if r.JobID != "" {
		line += "  job " + r.JobID
	}
	return line
}

func (c *cmdCmd) message() ([]byte, error) {
	if !strings.HasPrefix(strings.TrimSpace(c.Command), "{") {
		fields := map[string]string{"command": c.Command, "sequence_id": "0"}
		if c.Param != "" {
			fields["param"] = c.Param
		}
		return mustJSON(map[string]any{"print": fields}), nil
	}
	if !json.Valid([]byte(c.Command)) || c.Param != "" {
		return nil, grove.Errorf(grove.Invalid, "bad_message",
			`%q is not one whole JSON message; write for example '{"print":{"command":"pause"}}', with nothing behind it`, c.Command)
	}
	return []byte(c.Command), nil
}

type watchCmd struct {
	Serial string `arg:"" help:"The printer."`
	Until  string `help:"Stop when the printer reaches this state: IDLE, PREPARE, SLICING, RUNNING, PAUSE, FINISH or FAILED." placeholder:"STATE"`
}

// Run prints a line at each change, or rewrites one line on a terminal.
func (c *watchCmd) Run(ctx context.Context, at *cloud) error {
	if err := c.check(); err != nil {
		return err
	}
	out := newTicker(os.Stdout, at.JSON)
	defer out.end()
	at.linked = out.linked
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	for live, err := range cl.Watch(ctx, c.Serial) {
		if err != nil {
			return err
		}
		if err := out.show(live); err != nil {
			return err
		}
		if c.Until != "" && live.Connected && live.Shadow.State == c.Until {
			return nil
		}
	}
	if c.Until != "" {
		return ctx.Err() // interrupted before it came to that
	}
	return nil
}

// check refuses a state that no printer reaches, since waiting for it never ends.
func (c *watchCmd) check() error {
	c.Until = strings.ToUpper(c.Until)
	switch c.Until {
	case "", "IDLE", "INIT", "PREPARE", "SLICING", "RUNNING", "PAUSE", "FINISH", "FAILED":
		return nil
	}
	return grove.Errorf(grove.Invalid, "bad_state", "no printer is ever in a state %s; --until takes IDLE, PREPARE, SLICING, RUNNING, PAUSE, FINISH or FAILED", c.Until)
}
