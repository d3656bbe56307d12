package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

// ports are those of a printer, where they are not the usual ones.
type ports struct {
	MQTTS  int `name:"mqtts-port" help:"MQTT port, when it is not 8883." placeholder:"PORT"`
	FTPS   int `name:"ftps-port" help:"FTPS port, when it is not 990." placeholder:"PORT"`
	Camera int `name:"camera-port" help:"Camera port, when it is not 6000." placeholder:"PORT"`
	RTSPS  int `name:"rtsps-port" help:"RTSPS port, when it is not 322." placeholder:"PORT"`
}

func (p ports) wire() cloudapi.LANPorts {
	return cloudapi.LANPorts{MQTTS: p.MQTTS, FTPS: p.FTPS, Camera: p.Camera, RTSPS: p.RTSPS}
}

type printersAddCmd struct {
	ports

	Host   string `help:"The printer's address, as the cloud or the bridge reaches it." placeholder:"ADDRESS"`
	Bridge string `help:"The bridge that reaches it, by its id; else the cloud does." placeholder:"ID"`
	CSV    string `name:"csv" help:"Add all printers of a file with the columns serial, host, access_code, name, model, mqtts_port, ftps_port, camera_port, rtsps_port; - is standard input." placeholder:"FILE"`
	Code   string `name:"access-code" help:"Its access code; better given by GROVE_ACCESS_CODE or typed when asked." placeholder:"CODE"`
	Serial string `help:"Its serial; else its certificate tells it." placeholder:"SERIAL"`
	Name   string `help:"What to call it." placeholder:"TEXT"`
	Model  string `help:"Its model, such as P1S or C12; else the printer says it itself." placeholder:"MODEL"`
	Clear  bool   `name:"plate-clear" help:"You looked: its plate is clear. Else the first print waits until you say so."`
	Force  bool   `help:"Keep it though it can't be reached now."`
}

// Run adds a printer on the cloud's network, or a file of them.
func (c *printersAddCmd) Run(ctx context.Context, at *cloud) error {
	if (c.Host == "") == (c.CSV == "") {
		return grove.Errorf(grove.Invalid, "host_or_csv", "give either --host with the printer's address, or --csv with a file of printers; a printer that dials in by itself is bound with: grove printers bind SERIAL")
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.CSV != "" {
		return c.addAll(ctx, at, cl)
	}
	code, err := askAccessCode(c.Code, c.Host)
	if err != nil {
		return err
	}
	bound, err := cl.AddPrinter(ctx, cloudapi.LANRequest{
		Host: c.Host, Bridge: c.Bridge, AccessCode: code, Serial: c.Serial, Name: c.Name, Model: c.Model, LANPorts: c.wire(), PlateClear: c.Clear, Force: c.Force,
	})
	if err != nil {
		return err
	}
	return showBound(at, bound, "is yours")
}

func askAccessCode(given, of string) (grove.Secret, error) {
	code, err := askPassword(given, "Access code of "+of+": ")
	if err != nil {
		return "", grove.Errorf(grove.Invalid, "no_access_code", "no access code; set GROVE_ACCESS_CODE or type it when asked")
	}
	return grove.Secret(code), nil
}

// showBound shows what trying a printer told.
func showBound(at *cloud, b cloudapi.LANBound, what string) error {
	return at.show(b, func(w *tabwriter.Writer) {
		showTest(w, b.Test)
		fmt.Fprintf(w, "\n%s (%s) %s.\n", b.Printer.Serial, b.Printer.Name, what)
	})
}

// showTest is a line for each step, and one more for what to do.
func showTest(w *tabwriter.Writer, t grove.LANTest) {
	for _, f := range t.Findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Step, f.Verdict, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", f.Advice)
		}
	}
}

type printersPairCmd struct {
	Serial string `arg:"" help:"The printer's serial."`
	Code   string `name:"access-code" help:"Its new access code, if that changed; better given by GROVE_ACCESS_CODE." placeholder:"CODE"`
	Ask    bool   `name:"new-code" help:"Its access code changed: ask for it."`
	NewKey bool   `name:"new-key" help:"You made sure that it is your printer that answers: the key that it shows now is its own."`
}

// Run pairs a printer anew.
func (c *printersPairCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	code := grove.Secret(c.Code)
	if c.Ask {
		if code, err = askAccessCode(c.Code, c.Serial); err != nil {
			return err
		}
	}
	bound, err := cl.PairPrinter(ctx, c.Serial, cloudapi.LANPair{AccessCode: code, NewKey: c.NewKey})
	if err != nil {
		return err
	}
	return showBound(at, bound, "is paired")
}

type printersAddressCmd struct {
	ports

	Serial string `arg:"" help:"The printer's serial."`
	Host   string `help:"Its address now." required:"" placeholder:"ADDRESS"`
	Bridge string `help:"The bridge that reaches it there, by its id; else the cloud does." placeholder:"ID"`
}

// Run says where a printer stands now.
func (c *printersAddressCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	bound, err := cl.MovePrinter(ctx, c.Serial, cloudapi.LANAddress{Host: c.Host, Bridge: c.Bridge, LANPorts: c.wire()})
	if err != nil {
		return err
	}
	return showBound(at, bound, "is reached at "+c.Host)
}

type discoverCmd struct {
	Bridge string        `help:"Look in the network of this bridge, by its id." placeholder:"ID"`
	Subnet string        `help:"Look at each address of this network, of at most 1,024; else at the cloud's own networks, and at 127.0.0.0/24 for simulated printers." placeholder:"CIDR"`
	Wait   time.Duration `help:"How long to wait for printers to answer, 1s to 30s." default:"5s"`
}

// Run lists the printers that the cloud finds around it.
func (c *discoverCmd) Run(ctx context.Context, at *cloud) error {
	if c.Wait < time.Second || c.Wait > 30*time.Second {
		return grove.Errorf(grove.Invalid, "bad_wait", "--wait %s is not between 1s and 30s", c.Wait)
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	found, err := cl.DiscoverPrinters(ctx, cloudapi.LANSearch{Bridge: c.Bridge, Subnet: c.Subnet, WaitSeconds: int(c.Wait.Round(time.Second).Seconds())})
	if err != nil {
		return err
	}
	return at.show(cloudapi.Items(found), func(w *tabwriter.Writer) {
		if len(found) == 0 {
			fmt.Fprintln(w, "No printer answers. They announce themselves in their own network only: name it with --subnet, or add a printer by its address with: grove printers add --host ADDRESS")
			return
		}
		fmt.Fprintln(w, "SERIAL\tNAME\tMODEL\tADDRESS\tMODE\tYOURS")
		for _, p := range found {
			fmt.Fprintln(w, foundLine(p))
		}
	})
}

func foundLine(p grove.FoundPrinter) string {
	model, host := p.Model, p.Host
	if m, ok := bambu.LookupModel(p.Model); ok {
		model = m.Name
	}
	for _, port := range []struct {
		flag   string
		number int
	}{{"mqtts", p.MQTTS}, {"ftps", p.FTPS}, {"camera", p.Camera}, {"rtsps", p.RTSPS}} {
		if port.number != 0 {
			host = fmt.Sprintf("%s --%s-port %d", host, port.flag, port.number)
		}
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", p.Serial, p.Name, model, host, p.Connect, yes(p.Bound))
}

type doctorCmd struct {
	Serial string `arg:"" optional:"" help:"The printer; else all of yours that were added by their address."`
}

// mostPerPage is how many entries a page may have.
const mostPerPage = 100

// examined is what the doctor found at one printer.
type examined struct {
	Name string        `json:"name"`
	Test grove.LANTest `json:"test"`
}

// Run tries printers step by step. One that is not well is a failure.
func (c *doctorCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	patients, err := c.patients(ctx, cl)
	if err != nil {
		return err
	}
	if len(patients) == 0 {
		fmt.Fprintln(os.Stderr, "No printer was added by its address, so there is nothing to try. Add one with: grove printers add --host ADDRESS")
		return nil
	}
	all := make([]examined, 0, len(patients))
	sick := 0
	for _, p := range patients {
		test, err := cl.TestPrinter(ctx, p.Serial)
		if err != nil {
			return err
		}
		if _, failed := test.Failed(); failed {
			sick++
		}
		all = append(all, examined{p.Name, test})
	}
	err = at.show(all, func(w *tabwriter.Writer) {
		for _, e := range all {
			fmt.Fprintf(w, "%s (%s) at %s\n", e.Test.Serial, e.Name, e.Test.Host)
			showTest(w, e.Test)
		}
	})
	if err == nil && sick > 0 {
		err = errors.New(plural(sick, "printer is", "printers are") + " not well; what to do stands at each arrow")
	}
	return err
}

// patients are the printers to try.
func (c *doctorCmd) patients(ctx context.Context, cl *client.Client) ([]grove.Live, error) {
	if c.Serial != "" {
		p, err := cl.Printer(ctx, c.Serial)
		return []grove.Live{p}, err
	}
	var all []grove.Live
	for page := (grove.Page{Limit: mostPerPage}); ; {
		list, err := cl.Printers(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, p := range list.Items {
			page.After = p.Serial
			if p.LAN != nil {
				all = append(all, p)
			}
		}
		if !list.More || len(list.Items) == 0 {
			return all, nil
		}
	}
}

// plural is a number with the words that fit it.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
