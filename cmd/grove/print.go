package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type printCmd struct {
	File   string        `arg:"" help:"A file id, the name of an uploaded file, or a local file, which is uploaded first."`
	On     string        `required:"" help:"Serial of the printer." placeholder:"SERIAL"`
	Plate  int           `help:"Plate number; the first when not given." placeholder:"N"`
	UseAMS bool          `name:"use-ams" help:"Take filament from the AMS."`
	AMS    []int         `name:"ams-mapping" help:"Tray for each filament of the file; -1 for none, as in --ams-mapping=-1,0." placeholder:"N,…"`
	Level  bool          `name:"bed-leveling" help:"Level the bed first." default:"true" negatable:""`
	Wait   bool          `help:"Wait until the job is done; exit code 5 unless it finished."`
	Every  time.Duration `help:"How often --wait looks." default:"2s" hidden:""`
}

// Run makes a job.
func (c *printCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.PrintRequest{DeviceID: c.On, Plate: cloudapi.Int(c.Plate), Options: &grove.Options{
		UseAMS: c.UseAMS || len(c.AMS) > 0, AMSMapping: c.AMS, BedLeveling: c.Level,
	}}
	if err := c.find(ctx, cl, &in); err != nil {
		return err
	}
	started, err := cl.Print(ctx, in)
	if err != nil {
		return err
	}
	if !c.Wait {
		return at.show(started.Data, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "job %s %s; follow it with: grove jobs show %[1]s\n", started.JobID, started.Status)
		})
	}
	id, err := strconv.ParseInt(started.JobID, 10, 64)
	if err != nil {
		return fmt.Errorf("read the job's id: %w", err)
	}
	return c.wait(ctx, at, cl, id)
}

// find finds what is to be printed: a file that is not here is one of the cloud's.
func (c *printCmd) find(ctx context.Context, cl *client.Client, in *cloudapi.PrintRequest) error {
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
	d, ok, err := device(ctx, cl, c.On)
	switch {
	case err != nil:
		return err
	case !ok:
		return grove.NoPrinter(c.On)
	case !d.Online:
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
