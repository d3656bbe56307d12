package sim

import (
	"errors"
	"log/slog"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// printCommands begin, hold and end prints.
var printCommands = map[string]command{
	"print.project_file":      (*machine).startProject,
	"print.gcode_file":        (*machine).startFile,
	"print.calibration":       (*machine).calibrate,
	"print.extrusion_cali":    (*machine).calibrateFlow,
	"print.flowrate_cali":     (*machine).calibrateFlow,
	"print.pause":             func(m *machine, _ request) (extra, error) { return nil, m.pause(stagePaused) },
	"print.resume":            func(m *machine, _ request) (extra, error) { return nil, m.unpause() },
	"print.ignore":            func(m *machine, _ request) (extra, error) { return nil, m.unpause() },
	"print.stop":              func(m *machine, _ request) (extra, error) { return nil, m.stop() },
	"print.skip_objects":      (*machine).skip,
	"print.print_speed":       (*machine).hurry,
	"print.idle_ignore":       cleanError,
	"print.clean_print_error": cleanError,
	"system.uiop":             cleanError,
}

func cleanError(m *machine, _ request) (extra, error) {
	m.printError, m.failReason, m.errorTicks = 0, 0, 0
	return nil, nil
}

// errIdle refuses what needs a print.
var errIdle = errors.New("no print is running")

// lateStart is a start that was received and not acted on yet.
type lateStart struct {
	request request
	due     time.Time
}

// startProject is the start of a print. It is carried out at once, unless the
// printer was made to be slow about it.
func (m *machine) startProject(r request) (extra, error) {
	if delay := m.faults.AcceptDelaySeconds; delay > 0 {
		m.late = append(m.late, lateStart{request: r, due: m.now.Add(seconds(delay))})
		return silent, nil
	}
	return m.start(r, m.now)
}

// startLate acts on the starts whose time has come.
func (m *machine) startLate(now time.Time) {
	for len(m.late) > 0 && !now.Before(m.late[0].due) {
		r := m.late[0].request
		m.late = m.late[1:]
		more, err := m.start(r, now)
		m.answer(r, more, err)
	}
}

// plateMember is what param says in the start of a 3MF.
var plateMember = regexp.MustCompile(`^Metadata/plate_(\d{1,4})\.gcode$`)

// start accepts a print or refuses it.
func (m *machine) start(r request, now time.Time) (extra, error) {
	if r.Command == "gcode_file" {
		name, _ := m.looks.unmount(r.text("param")) // looked at when the command came
		return m.accept(cardJob(name, now), now)
	}
	j, err := newJob(r, now)
	if err != nil {
		return nil, err
	}
	return m.accept(j, now)
}

// accept begins a job unless something speaks against it. This is the physical
// start: it enters the ledger before anybody hears of it.
func (m *machine) accept(j *job, now time.Time) (extra, error) {
	if m.busy() || m.faults.RefuseStarts {
		return nil, refusal{"the printer is busy", errorBusy}
	}
	if m.fault = m.enter(j, now); m.fault != nil {
		return silent, m.fault
	}
	if m.job != nil {
		j.order.number = m.job.order.number + 1
	}
	if m.faults.FinishedFor > 0 {
		m.before, m.staleUntil = m.job, now.Add(seconds(m.faults.FinishedFor))
	}
	m.job = j
	m.state, m.stage = statePrepare, m.looks.idleStage
	m.printError, m.failReason, m.errorTicks = 0, 0, 0
	m.settings.speedLevel = 2
	o := j.order
	m.order = &o
	return extra{"result": "SUCCESS"}, nil
}

// newJob reads a project_file command.
func newJob(r request, now time.Time) (*job, error) {
	mapping, err := r.ints("ams_mapping")
	if err != nil {
		return nil, err
	}
	j := &job{
		taskID: id(r.text("task_id")), subtaskID: id(r.text("subtask_id")),
		projectID: id(r.text("project_id")), profileID: id(r.text("profile_id")),
		name: r.text("subtask_name"), file: r.text("file"), kind: "cloud", plate: 1,
		useAMS: r.flag("use_ams"), mapping: mapping, startedAt: now, unpack: 5, timelapse: r.flag("timelapse"),
	}
	if j.taskID == "0" {
		j.kind = "local"
	}
	if plate := plateMember.FindStringSubmatch(r.text("param")); plate != nil {
		j.plate, _ = strconv.Atoi(plate[1])
	}
	address, _, _ := strings.Cut(r.text("url"), "?")
	if j.file == "" {
		j.file = path.Base(address)
	}
	if j.name == "" {
		j.name = title(j.file)
	}
	j.order = order{
		url: r.text("url"), md5: r.text("md5"), name: j.file, plate: j.plate,
		leveling:  r.flag("bed_leveling") || r.flag("bed_levelling") || r.whole("auto_bed_leveling", 0) > 0,
		vibration: r.flag("vibration_cali"), flow: r.flag("flow_cali") || r.whole("extrude_cali_flag", 0) > 0,
	}
	return j, nil
}

// cardJob is a print of a file on the card that no cloud and no slicer asked for.
func cardJob(name string, now time.Time) *job {
	base := path.Base(name)
	return &job{
		taskID: "0", subtaskID: "0", projectID: "0", profileID: "0",
		name: title(base), file: base, kind: "local", plate: 1, useAMS: true, startedAt: now, unpack: 5,
		order: order{url: "ftp://" + name, name: base, plate: 1, leveling: true},
	}
}

// title is a file's name without its endings.
func title(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(file, path.Ext(file)), ".gcode")
}

// autostart begins a file that lies in the root folder of the card, wanted or not,
// as some firmware does after a power cut (bambuddy).
func (m *machine) autostart(name string) {
	if m.busy() {
		return
	}
	if _, err := m.accept(cardJob("/"+name, m.now), m.now); err != nil {
		m.cfg.Log.Warn("file not begun by itself", slog.String("file", name), slog.Any("error", err))
	}
}

// id is a job's id as printers keep it: clamped to 31 bits, after which every
// larger one is the same (seen on a P1S, bambuddy).
func id(s string) string {
	if s == "" {
		return "0"
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n > math.MaxInt32 || errors.Is(err, strconv.ErrRange) {
		return strconv.Itoa(math.MaxInt32)
	}
	return s
}

// startFile runs what lies on the printer: one of its own routines, or a file on
// its card.
func (m *machine) startFile(r request) (extra, error) {
	if m.busy() {
		return nil, refusal{"the printer is busy", errorBusy}
	}
	switch path.Base(r.text("param")) {
	case "auto_cali_for_user.gcode":
		m.calibrateNow(1<<1 | 1<<2)
	case "filament_unload.gcode":
		m.feed(trayNone)
	default:
		if _, ok := m.looks.unmount(r.text("param")); ok {
			return m.startProject(r)
		}
		return nil, refusal{"no such file on the printer", errorNoFile}
	}
	return nil, nil
}

func (m *machine) calibrate(r request) (extra, error) {
	if m.busy() {
		return nil, refusal{"the printer is busy", errorBusy}
	}
	option, err := r.between("option", 0, 127)
	if err != nil {
		return nil, err
	}
	m.calibrateNow(option)
	return nil, nil
}

// calibrateFlow draws lines on the plate; here it takes as long as levelling.
func (m *machine) calibrateFlow(request) (extra, error) {
	if m.busy() {
		return nil, refusal{"the printer is busy", errorBusy}
	}
	m.calibrateNow(1 << 1)
	return nil, nil
}

func (m *machine) calibrateNow(option int) {
	number := 0
	if m.job != nil {
		number = m.job.order.number + 1
	}
	m.job = m.calibration(option)
	m.job.order.number = number
	m.state = stateRunning
	m.job.arrive(m)
}

// pause holds the print; stage says why.
func (m *machine) pause(stage int) error {
	if m.state != stateRunning {
		return errIdle
	}
	m.job.pauseStage, m.stage = m.stage, stage
	m.state = statePause
	return nil
}

// unpause goes on with a held print.
func (m *machine) unpause() error {
	if m.state != statePause {
		return errors.New("the print is not paused")
	}
	m.state, m.stage = stateRunning, m.job.pauseStage
	m.printError, m.failReason, m.errorTicks = 0, 0, 0
	return nil
}

// stop ends the print as failed: cancelled by the user, an error that goes away
// by itself after two seconds.
func (m *machine) stop() error {
	if !m.busy() {
		return errIdle
	}
	m.fail(errorCancelled, 2)
	return nil
}

func (m *machine) skip(r request) (extra, error) {
	objects, err := r.ints("obj_list")
	switch {
	case err != nil:
		return nil, err
	case !m.busy():
		return nil, errIdle
	}
	m.job.skipped = append(m.job.skipped, objects...)
	return nil, nil
}

func (m *machine) hurry(r request) (extra, error) {
	level, err := r.between("param", 1, 4)
	switch {
	case err != nil:
		return nil, err
	case !m.busy():
		return nil, errIdle
	}
	m.settings.speedLevel = level
	return nil, nil
}
