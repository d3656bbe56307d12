package cloud

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountTask(rt *rest.Router) {
	rest.Handle(rt, get(userService+"/my/tasks", tagPrint, "My prints, newest first"), f.tasks)
	create := post(userService+"/my/task", tagPrint, "Make a task and have it printed")
	create.About = "`deviceId`, `modelId` and `title` must be there. The vendor also asks for `cover`, `plateIndex` and `profileId`, which one client leaves out. " +
		"The file is found by `modelId` where that is a file id, by `profileId`, or by `title`. Clients must not send the start themselves as well. With `mode` `lan_file` they do: such a task is listed, as cancelled, and neither started nor followed here."
	rest.Handle(rt, create, f.createTask)
	rest.Handle(rt, get(userService+"/my/task/{id}", tagPrint, "One of my prints"), f.task)
	rest.Handle(rt, get(iotService+"/user/task", tagPrint, "My prints, under the names one client tries"), f.userTasks)
	rest.Handle(rt, get(iotService+"/user/task/{id}", tagPrint, "One of my prints, with what is in its file"), f.userTask)
}

type tasksInput struct {
	rest.VendorPaging
	DeviceID string `query:"deviceId"`
	Status   int    `query:"status" minimum:"0" maximum:"4" doc:"1 pending, 2 finished, 3 failed or cancelled, 4 printing; 0 all."`
}

func (f *face) tasks(ctx context.Context, in *tasksInput) (cloudapi.Tasks, error) {
	page := in.Want()
	list, err := f.Queue.Jobs(ctx, rest.Actor(ctx), grove.JobQuery{Serial: in.DeviceID, States: statesOf(in.Status)}, page)
	return cloudapi.Tasks{
		Total: list.Total, Hits: f.tasksOf(ctx, list.Items), Pagination: cloudapi.Pages(list.Total, list.More, page),
	}, err
}

func (f *face) userTasks(ctx context.Context, in *tasksInput) (cloudapi.UserTasks, error) {
	t, err := f.tasks(ctx, in)
	return cloudapi.UserTasks{Envelope: cloudapi.Success(), Tasks: t.Hits, Hits: t.Hits, Total: t.Total, Pagination: t.Pagination}, err
}

// statesOf are the states behind one of the vendor's numbers; none means all.
func statesOf(status int) []grove.JobState {
	var states []grove.JobState
	for _, s := range []grove.JobState{
		grove.Queued, grove.Claimed, grove.Uploading, grove.Ready, grove.Sending, grove.Accepted, grove.Running,
		grove.Finished, grove.Failed, grove.Cancelled, grove.Expired, grove.Unknown,
	} {
		if status != 0 && cloudapi.TaskStatus(s) == status {
			states = append(states, s)
		}
	}
	return states
}

// ByNumber is a path that ends in a number. It is exported for huma, which looks
// into embedded fields only then.
type ByNumber struct {
	ID string `path:"id" maxLength:"64"`
}

// number is the id as a number. What is none names nothing.
func (in *ByNumber) number(noun string) (int64, error) {
	n, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil || n <= 0 {
		return 0, grove.Errorf(grove.NotFound, noun+"_not_found", "there is no %s %q; its id is a number", noun, in.ID)
	}
	return n, nil
}

func (f *face) job(ctx context.Context, in *ByNumber) (grove.Job, error) {
	id, err := in.number("task")
	if err != nil {
		return grove.Job{}, err
	}
	return f.Queue.Job(ctx, rest.Actor(ctx), id)
}

func (f *face) task(ctx context.Context, in *ByNumber) (cloudapi.Task, error) {
	job, err := f.job(ctx, in)
	if err != nil {
		return cloudapi.Task{}, err
	}
	return f.tasksOf(ctx, []grove.Job{job})[0], nil
}

// tasksOf are jobs as the vendor lists them, with the names of their printers and
// what is in their files, where those are still there.
func (f *face) tasksOf(ctx context.Context, jobs []grove.Job) []cloudapi.Task {
	out := make([]cloudapi.Task, 0, len(jobs))
	known := map[string]grove.File{}
	for i := range jobs {
		j := &jobs[i]
		file, ok := known[j.FileID]
		if !ok {
			file, _ = f.fileOf(ctx, j) // a file that is gone leaves its job
			known[j.FileID] = file
		}
		live, _ := f.Fleet.Live(ctx, rest.Actor(ctx), j.Serial) // likewise a printer
		out = append(out, f.taskOf(j, &file, &live))
	}
	return out
}

// fileOf is a job's file, for whoever may read files too.
func (f *face) fileOf(ctx context.Context, j *grove.Job) (grove.File, error) {
	actor := rest.Actor(ctx)
	if err := f.Access.Authorize(actor, grove.ReadFiles, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.File{}, err
	}
	return f.Library.File(ctx, actor, j.FileID)
}

func (f *face) taskOf(j *grove.Job, file *grove.File, p *grove.Live) cloudapi.Task {
	m, _ := bambu.LookupModel(p.Model)
	start := j.StartedAt
	if start.IsZero() {
		start = j.CreatedAt
	}
	end := j.FinishedAt
	if end.IsZero() { // clients read an end beside the start as still printing
		end = start
	}
	const centimetres = 100
	plate, _ := file.Plate(j.Plate)
	return cloudapi.Task{
		ID: j.ID, ModelID: j.ModelID, Title: j.FileName, Cover: f.cover(file, j.Plate), Status: cloudapi.TaskStatus(j.State),
		StartTime: timestamp(start), EndTime: timestamp(end), Weight: j.WeightGrams, Length: math.Round(j.LengthMeters * centimetres),
		CostTime: j.EstimateSeconds, ProfileID: j.ProfileID, PlateIndex: j.Plate, PlateName: plate.Name,
		DeviceID: j.Serial, DeviceModel: firstText(m.Name, p.Model), DeviceName: p.Name,
		BedType: firstText(j.Options.BedType, plate.BedType), JobType: 1, Mode: modeOf(j), IsPrintable: true,
		AMSDetailMapping: mapping(j, plate.Filaments), NozzleInfos: []map[string]any{},
	}
}

// modeOf is a job's mode in the vendor's words, of which there are two.
func modeOf(j *grove.Job) string {
	if j.Mode == lanFile {
		return lanFile
	}
	return cloudFile
}

// cover is a plate's picture, fetched without a credential; empty when there is none.
func (f *face) cover(file *grove.File, plate int) string {
	if p, ok := file.Plate(plate); !ok || !p.HasThumbnail {
		return ""
	}
	return f.Library.ThumbnailURL(*file, plate)
}

// External spools have flat slot 254, and unit 255 where unit and slot are told
// apart (BambuStudio).
const (
	externalSlot = 254
	externalUnit = 255
	slotsOfUnit  = 4
	singleUnits  = 128 // from here on, units have one slot and its flat number is the unit's
)

// mapping says which slot each filament of the plate comes from.
func mapping(j *grove.Job, filaments []grove.Filament) []cloudapi.AMSDetail {
	out := make([]cloudapi.AMSDetail, 0, len(filaments))
	for _, fil := range filaments {
		slot := externalSlot
		if i := fil.ID - 1; j.Options.UseAMS && i >= 0 && i < len(j.Options.AMSMapping) && j.Options.AMSMapping[i] >= 0 {
			slot = j.Options.AMSMapping[i]
		}
		unit, place := slot/slotsOfUnit, slot%slotsOfUnit
		if slot == externalSlot {
			unit, place = externalUnit, 0
		}
		out = append(out, cloudapi.AMSDetail{
			AMS: slot, SourceColor: fil.Color, TargetColor: fil.Color, FilamentID: fil.Preset, FilamentType: fil.Type,
			Weight: fil.Grams, AMSID: unit, SlotID: place,
		})
	}
	return out
}

type taskInput struct {
	Body cloudapi.TaskRequest
}

func (f *face) createTask(ctx context.Context, in *taskInput) (cloudapi.TaskCreated, error) {
	b := in.Body
	if err := rest.Need("deviceId", b.DeviceID, "modelId", b.ModelID, "title", b.Title); err != nil {
		return cloudapi.TaskCreated{}, err
	}
	if b.PlateIndex < 0 { // no plate, and no way to ask for one: it must not start another
		e := grove.Errorf(grove.Invalid, "bad_request", "plateIndex is %d; plates count from 1", int64(b.PlateIndex))
		e.Fields = map[string]string{"plateIndex": "is below 1"}
		return cloudapi.TaskCreated{}, e
	}
	if b.Mode == lanFile {
		return f.noteTask(ctx, b)
	}
	trays, err := traysWanted(b)
	if err != nil {
		return cloudapi.TaskCreated{}, err
	}
	wish := queue.Submission{
		Serial: b.DeviceID, ProfileID: int64(b.ProfileID), Plate: int(b.PlateIndex),
		Options: grove.Options{
			UseAMS: b.UseAMS, AMSMapping: trays, BedType: b.BedType, BedLeveling: b.BedLeveling, FlowCali: b.FlowCali,
			VibrationCali: b.VibrationCali, LayerInspect: b.LayerInspect, Timelapse: b.Timelapse,
		},
	}
	if err := f.name(ctx, &wish, b); err != nil {
		return cloudapi.TaskCreated{}, err
	}
	job, err := f.Queue.Submit(ctx, rest.Actor(ctx), wish)
	return cloudapi.TaskCreated{Envelope: cloudapi.Success(), ID: job.ID}, err
}

// The modes of tasks.
const (
	cloudFile = "cloud_file"
	lanFile   = "lan_file" // the client starts the print itself, and dies of any answer but a good one (open-bamboo-networking)
)

// noteTask keeps a task that is not this server's to start. Its file may be on the
// printer alone.
func (f *face) noteTask(ctx context.Context, b cloudapi.TaskRequest) (cloudapi.TaskCreated, error) {
	project, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), int64(b.ProfileID))
	if err != nil && !errors.Is(err, grove.NotFound) {
		return cloudapi.TaskCreated{}, err
	}
	job, err := f.Queue.Note(ctx, rest.Actor(ctx), queue.Submission{
		Serial: b.DeviceID, Plate: int(b.PlateIndex), Title: library.CleanName(b.Title), ProjectOf: project, Mode: lanFile,
	})
	return cloudapi.TaskCreated{Envelope: cloudapi.Success(), ID: job.ID}, err
}

// traysWanted are the flat numbers of the trays that a task asks for.
func traysWanted(b cloudapi.TaskRequest) ([]int, error) {
	if len(b.AMSMapping) > 0 || len(b.AMSMapping2) == 0 {
		return b.AMSMapping, nil
	}
	flat := make([]int, len(b.AMSMapping2))
	for i, s := range b.AMSMapping2 {
		var ok bool
		if flat[i], ok = bambu.FlatTray(s.AMSID, s.SlotID); !ok {
			return nil, grove.Errorf(grove.Invalid, "bad_ams_mapping",
				"amsMapping2 names slot %d of unit %d, which no printer has; units count from 0 and slots are 0 to 3, and the external spool is unit 255, slot 0", s.SlotID, s.AMSID)
		}
	}
	return flat, nil
}

// name says which file a task means. One client sends a file id as modelId; the
// slicer uploads the printable file beside its project, and names the project by
// its profile.
func (f *face) name(ctx context.Context, wish *queue.Submission, b cloudapi.TaskRequest) error {
	if strings.HasPrefix(b.ModelID, "f_") {
		wish.FileID = b.ModelID
		return nil
	}
	if b.ProfileID == 0 {
		wish.FileName = b.Title
		return nil
	}
	project, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), int64(b.ProfileID))
	if errors.Is(err, grove.NotFound) {
		return nil // the queue says it, after what it has to say of the printer
	}
	if err != nil {
		return err
	}
	if b.ModelID != project.ModelID {
		e := grove.Errorf(grove.Invalid, "model_differs", "modelId is %q, and profile %d is one of model %s; send the two that came together", b.ModelID, int64(b.ProfileID), project.ModelID)
		e.Fields = map[string]string{"modelId": "is not the profile's"}
		return e
	}
	sliced, ok, err := f.Library.PrintOf(ctx, project, int(b.PlateIndex))
	if !ok || err != nil {
		return err
	}
	wish.FileID, wish.ProjectOf, wish.Title = sliced.ID, project, firstText(library.CleanName(b.Title), project.Name)
	if _, ok := sliced.Plate(wish.Plate); !ok {
		wish.Plate = 0 // the slicer's file holds the one plate, whatever its number
	}
	return nil
}

func (f *face) userTask(ctx context.Context, in *ByNumber) (cloudapi.UserTask, error) {
	j, err := f.job(ctx, in)
	if err != nil {
		return cloudapi.UserTask{}, err
	}
	file, err := f.Library.File(ctx, rest.Actor(ctx), j.FileID)
	if err != nil { // a file that is gone leaves its job
		file = grove.File{Name: j.FileName}
	}
	project, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), j.ProfileID)
	if err != nil { // likewise
		project = file
	}
	created := cloudapi.FormatTime(j.CreatedAt)
	return cloudapi.UserTask{
		Envelope: cloudapi.Success(), ModelID: j.ModelID, ProjectID: decimal(project.ProjectID), ProfileID: decimal(j.ProfileID),
		Status: statusNamed(j.State), Name: j.FileName, Content: fmt.Sprintf(`{"info":{"plate_idx":%d}}`, j.Plate),
		Context: f.contextOf(&file), CreateTime: created, UpdateTime: firstText(cloudapi.FormatTime(j.FinishedAt), created),
		Estimate: j.EstimateSeconds, URL: f.contentURL(&file), MD5: file.MD5,
		Data: cloudapi.UserTaskData{
			TaskID: j.TaskID(), DeviceID: j.Serial, Status: statusNamed(j.State), Progress: progress(&j), FileName: j.FileName,
			StartedAt: timestamp(j.StartedAt), CompletedAt: timestamp(j.FinishedAt),
		},
	}, nil
}
