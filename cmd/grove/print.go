package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type printCmd struct {
	File   string        `arg:"" help:"A file id, the name of an uploaded file, or a local file, which is uploaded first."`
	On     string        `help:"Serial of the printer." placeholder:"SERIAL" xor:"where" required:""`
	Any    bool          `help:"On whichever of your printers fits." xor:"where" required:""`
	Among  criteria      `embed:""`
	Plate  int           `help:"Plate number; the first when not given." placeholder:"N"`
	UseAMS bool          `name:"use-ams" help:"Take filament from the AMS."`
	AMS    []int         `name:"ams-mapping" help:"Tray for each filament of the file; -1 for none, as in --ams-mapping=-1,0." placeholder:"N,…"`
	Level  bool          `name:"bed-leveling" help:"Level the bed first." default:"true" negatable:""`
	Copies int           `help:"How many times, each a job of its own." default:"1" placeholder:"N"`
	After  time.Time     `name:"not-before" help:"Start no sooner, as in 2026-01-31T06:00:00Z." placeholder:"TIME"`
	Wait   bool          `help:"Wait until the job is done; exit code 5 unless it finished."`
	Every  time.Duration `help:"How often --wait looks." default:"2s" hidden:""`
}

// criteria are the flags that say which printers may take a job.
type criteria struct {
	Models   []string `name:"model" help:"With --any: only of these models." placeholder:"MODEL,…"`
	Nozzle   float64  `help:"With --any: only with a nozzle of so many mm." placeholder:"MM"`
	Material bool     `help:"With --any: only where the filament is loaded."`
	Color    bool     `help:"With --any: only where it is loaded in about that colour."`
	Tags     []string `name:"tag" help:"With --any: only with these tags." placeholder:"TAG,…"`
	Printers []string `name:"printer" help:"With --any: only these." placeholder:"SERIAL,…"`
}

// wanted are the criteria; any says whether they were asked for.
func (c criteria) wanted(anyPrinter bool) (*grove.Criteria, error) {
	w := grove.Criteria{Models: c.Models, NozzleDiameter: c.Nozzle, Material: c.Material, Color: c.Color, Tags: c.Tags, Printers: c.Printers}
	if anyPrinter {
		return &w, nil
	}
	if !reflect.DeepEqual(w, grove.Criteria{}) {
		return nil, grove.Errorf(grove.Invalid, "which_printer", "--model, --nozzle, --material, --color, --tag and --printer go with --any")
	}
	return nil, nil //nolint:nilnil // one printer is named, and there is nothing to choose
}

// Run makes a job, or as many as there are copies.
func (c *printCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.JobRequest{DeviceID: c.On, Copies: c.Copies, NotBefore: c.After, JobWish: cloudapi.JobWish{Plate: c.Plate, Options: &grove.Options{
		UseAMS: c.UseAMS || len(c.AMS) > 0, AMSMapping: c.AMS, BedLeveling: c.Level,
	}}}
	if in.Any, err = c.Among.wanted(c.Any); err != nil {
		return err
	}
	if err := c.find(ctx, cl, &in.JobWish); err != nil {
		return err
	}
	made, err := cl.CreateJobs(ctx, in)
	if err != nil {
		return err
	}
	if !c.Wait {
		return at.show(made, func(w *tabwriter.Writer) {
			for _, j := range made {
				fmt.Fprintf(w, "job %d %s; follow it with: grove jobs show %[1]d\n", j.ID, j.State)
			}
		})
	}
	var failed error
	for _, j := range made {
		failed = cmp.Or(failed, c.wait(ctx, at, cl, j.ID))
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}

// find finds what is to be printed: a file that is not here is one of the cloud's.
func (c *printCmd) find(ctx context.Context, cl *client.Client, in *cloudapi.JobWish) error {
	if _, err := os.Stat(c.File); !errors.Is(err, fs.ErrNotExist) {
		in.FileID, err = c.send(ctx, cl)
		return err
	}
	f, err := cl.File(ctx, c.File)
	switch {
	case err == nil:
		in.FileID = f.ID
	case errors.Is(err, grove.NotFound), errors.Is(err, grove.Invalid): // not an id
		in.FileName = c.File
	default:
		return err
	}
	return nil
}

// send brings a local file to the cloud, unless it is there already. Uploads are
// few an hour: what can be refused without one is refused before.
func (c *printCmd) send(ctx context.Context, cl *client.Client) (id string, err error) {
	if err := c.ready(ctx, cl); err != nil {
		return "", err
	}
	f, err := openFile(c.File)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := f.printable(ctx, c.Plate); err != nil {
		return "", err
	}
	there, err := f.stored(ctx, cl)
	if err != nil {
		return "", err
	}
	if there != "" {
		fmt.Fprintf(os.Stderr, "%s is in the cloud already, as %s; it is not sent again.\n", f.name, there)
		return there, nil
	}
	item, err := f.upload(ctx, cl, f.name)
	return item.FileID, err
}

// ready refuses a printer that could not be given a job.
func (c *printCmd) ready(ctx context.Context, cl *client.Client) error {
	if c.Any {
		return nil
	}
	d, ok, err := device(ctx, cl, c.On)
	switch {
	case err != nil:
		return err
	case !ok:
		return grove.NoPrinter(c.On)
	case !d.Online && !c.After.After(time.Now()):
		return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline,
			"printer %s is not connected, so nothing was sent; switch it on or check its network, then print again", c.On)
	}
	return nil
}

// wait follows a job to its end, also past times when the cloud is away.
func (c *printCmd) wait(ctx context.Context, at *cloud, cl *client.Client, id int64) error {
	last := ""
	for {
		j, err := cl.Job(ctx, id)
		line := jobLine(j)
		if err != nil {
			line = fmt.Sprintf("job %d  waiting on: %s", id, grove.AsError(err).Message)
		}
		if ctx.Err() != nil {
			fmt.Fprintf(os.Stderr, "The job goes on. Follow it with: grove jobs show %d\n", id)
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, grove.Unavailable) && !errors.Is(err, grove.Limited) {
			return err
		}
		if err == nil && j.State.Done() {
			return done(ctx, at, cl, j)
		}
		if line != last {
			fmt.Fprintln(os.Stderr, line)
			last = line
		}
		_ = pause(ctx, max(c.Every, 100*time.Millisecond, grove.AsError(err).RetryAfter)) // the loop sees that ctx has ended
	}
}

// done tells how a job ended, once: where it is no failure, as the answer.
func done(ctx context.Context, at *cloud, cl *client.Client, j grove.Job) error {
	if j.State == grove.Finished || at.JSON {
		if err := at.show(j, func(w *tabwriter.Writer) { fmt.Fprintln(w, jobLine(j)) }); err != nil {
			return err
		}
	}
	if j.State != grove.Finished {
		return grove.Errorf(grove.Conflict, grove.ReasonPrintFailed,
			"job %d ended as %s: %s", j.ID, j.State, cmp.Or(j.Why, "no reason was given"))
	}
	if p, err := cl.Printer(ctx, j.Serial); err == nil && !p.PlateClear {
		fmt.Fprintf(os.Stderr, "Nothing else starts there until the part is off. Then say so: grove plate-clear %s\n", j.Serial)
	}
	return nil
}
