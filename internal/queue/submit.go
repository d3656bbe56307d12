package queue

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Submission is a wish to print. The file is found by its id, else the newest
// of that name, else by its profile number. Plate 0 means the file's first.
type Submission struct {
	Serial    string
	FileID    string
	FileName  string
	ProfileID int64
	Plate     int
	Title     string     // what people call the print; empty: as the file
	ProjectOf grove.File // whose plate the file prints; zero: the file's own project
	Options   grove.Options
	Mode      string // cloud_file unless given; lan_file is for [Queue.Note]
}

// Submit makes a job. A printer that is not connected is refused at once and no
// job is made; one that is busy lets the job wait.
func (q *Queue) Submit(ctx context.Context, actor grove.Actor, s Submission) (grove.Job, error) {
	live, err := q.Printers.Live(ctx, actor, s.Serial)
	if err != nil {
		return grove.Job{}, err
	}
	if err := q.Gate.Authorize(actor, grove.StartPrint, grove.Resource{Serial: s.Serial, OwnerID: live.OwnerID}); err != nil {
		return grove.Job{}, err
	}
	file, err := q.Files.Find(ctx, shelfOf(actor, live), s.FileID, s.FileName, s.ProfileID)
	if err != nil {
		return grove.Job{}, err
	}
	plate, err := printable(file, s.Plate, live)
	if err != nil {
		return grove.Job{}, err
	}
	if !live.Connected {
		return grove.Job{}, grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline,
			"printer %s is not connected, so no job was made; switch it on or check its network, then print again", s.Serial)
	}
	job := q.draft(s, file, plate, live)
	job, err = q.Records.CreateJob(ctx, job, []grove.Event{q.event(grove.JobQueued, &job, "queued", "")},
		func(made grove.Job) grove.AuditEntry { return jobAct(actor, &made, "job.create") })
	if err != nil {
		return grove.Job{}, err
	}
	q.metrics.submitted.Inc()
	q.Kick()
	return job, nil
}

// Note keeps a print that a client starts itself, over the LAN, as the vendor's
// cloud does: it is listed, and neither started nor followed. What became of it
// nobody told, so that it is no success.
func (q *Queue) Note(ctx context.Context, actor grove.Actor, s Submission) (grove.Job, error) {
	live, err := q.Printers.Live(ctx, actor, s.Serial)
	if err != nil {
		return grove.Job{}, err
	}
	if err := q.Gate.Authorize(actor, grove.StartPrint, grove.Resource{Serial: s.Serial, OwnerID: live.OwnerID}); err != nil {
		return grove.Job{}, err
	}
	plate, _ := s.ProjectOf.Plate(s.Plate)
	plate.Index = s.Plate
	job := q.draft(s, s.ProjectOf, plate, live)
	job.State, job.FinishedAt = grove.Cancelled, job.CreatedAt
	job.Why = "the client starts this print over the LAN itself, so that nothing is started or followed here"
	return q.Records.CreateJob(ctx, job, nil, func(made grove.Job) grove.AuditEntry { return jobAct(actor, &made, "job.note") })
}

// shelfOf is whose files an actor prints: a guest their own, and whoever holds the
// access code the owner's. The job is the owner's in any case.
func shelfOf(actor grove.Actor, live grove.Live) int64 {
	if actor.UserID > 0 {
		return actor.UserID
	}
	return live.OwnerID
}

func (q *Queue) draft(s Submission, file grove.File, plate grove.Plate, live grove.Live) grove.Job {
	now := time.Now().UTC()
	j := grove.Job{
		OwnerID: live.OwnerID, Serial: s.Serial, FileID: file.ID, FileName: file.Name, Plate: plate.Index,
		State: grove.Queued, Options: s.Options, Mode: s.Mode, ProfileID: file.ProfileID, ModelID: file.ModelID,
		EstimateSeconds: plate.EstimateSeconds, WeightGrams: plate.WeightGrams,
		CreatedAt: now, ExpiresAt: now.Add(q.Life),
	}
	if s.Title != "" {
		j.FileName = s.Title
	}
	if s.ProjectOf.ID != "" {
		j.ProfileID, j.ModelID = s.ProjectOf.ProfileID, s.ProjectOf.ModelID
	}
	if j.Mode == "" {
		j.Mode = "cloud_file"
	}
	for _, f := range plate.Filaments {
		j.LengthMeters += f.Meters
	}
	return j
}

// printable finds the plate and holds it against the printer's model.
func printable(f grove.File, index int, live grove.Live) (grove.Plate, error) {
	if !f.Printable {
		why := f.Problem
		if why == "" {
			why = "it holds no sliced plate; slice it first and upload the .gcode.3mf"
		}
		return grove.Plate{}, refuse("%s can't be printed: %s", f.Name, why)
	}
	plate := f.Plates[0]
	if index != 0 {
		found, ok := f.Plate(index)
		if !ok {
			return grove.Plate{}, refuse("%s has no sliced plate %d", f.Name, index)
		}
		plate = found
	}
	return plate, suits(f, plate, live)
}

// suits holds a plate against the printer as it is: its model, its nozzle and
// what it bears.
func suits(f grove.File, p grove.Plate, live grove.Live) error {
	if f.Model != "" && live.Model != "" && f.Model != live.Model {
		return refuse("%s was sliced for %s, and %s is %s; slice it for that model", f.Name, modelName(f.Model), live.Name, modelName(live.Model))
	}
	if want, have := p.NozzleDiameter, live.Shadow.NozzleDiameter; want > 0 && have > 0 && want != have {
		return refuse("%s was sliced for a nozzle of %g mm, and %s has one of %g mm; slice it for that nozzle, or change the nozzle", f.Name, want, live.Name, have)
	}
	return withinHeat(f, p, live)
}

// withinHeat refuses a plate whose G-code asks for more than the model bears.
func withinHeat(f grove.File, p grove.Plate, live grove.Live) error {
	m, ok := bambu.LookupModel(live.Model)
	if !ok {
		m = bambu.Fallback()
	}
	for _, h := range []struct {
		part      string
		want, max int
	}{{"nozzle", p.MaxNozzle, m.NozzleMax}, {"bed", p.MaxBed, m.BedMax}, {"chamber", p.MaxChamber, max(m.ChamberMax, 60)}} {
		if h.want > h.max {
			return refuse("%s heats the %s to %d °C, and %s bears %d °C", f.Name, h.part, h.want, modelName(live.Model), h.max)
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, format, args...)
}

func modelName(code string) string {
	if m, ok := bambu.LookupModel(code); ok {
		return m.Product
	}
	if code == "" {
		return "a printer of unknown model"
	}
	return code
}

// Wish makes a job of a start that a client sent as a command. The file must be
// one that was uploaded here: nothing else is started.
func (q *Queue) Wish(ctx context.Context, actor grove.Actor, serial string, w bambu.StartWish) (grove.Job, error) {
	job, err := q.Submit(ctx, actor, Submission{
		Serial: serial, FileName: wishedFile(w), Plate: w.Plate, Options: w.Options, Mode: "command",
	})
	if err != nil {
		return grove.Job{}, fmt.Errorf("make a job of the start: %w", err)
	}
	return job, nil
}

// wishedFile is the uploaded file that a start command names, by its file
// member or the last part of its URL.
func wishedFile(w bambu.StartWish) string {
	if w.File != "" {
		return path.Base(w.File)
	}
	location, _, _ := strings.Cut(w.URL, "?")
	if base := path.Base(location); base != "." && base != "/" {
		return base
	}
	return w.Name
}
