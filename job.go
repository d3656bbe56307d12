package grove

import (
	"slices"
	"strconv"
	"time"
)

// JobState is where a job is on its way.
type JobState string

// The states of a job. Unknown means that a start may or may not have reached
// the printer: only a report or a person resolves it.
const (
	Queued    JobState = "queued"
	Claimed   JobState = "claimed"
	Uploading JobState = "uploading"
	Ready     JobState = "ready"
	Sending   JobState = "sending"
	Accepted  JobState = "accepted"
	Running   JobState = "running"
	Finished  JobState = "finished"
	Failed    JobState = "failed"
	Cancelled JobState = "cancelled"
	Expired   JobState = "expired"
	Unknown   JobState = "unknown"
)

// next lists where a job may go from each state. Nothing leads back to a state
// from which it could be started again, except before anything was sent.
var next = map[JobState][]JobState{
	Queued:    {Claimed, Cancelled, Expired, Failed},
	Claimed:   {Uploading, Ready, Queued, Cancelled, Expired, Failed},
	Uploading: {Ready, Queued, Cancelled, Expired, Failed},
	Ready:     {Sending, Queued, Cancelled, Expired, Failed},
	Sending:   {Accepted, Running, Finished, Failed, Cancelled, Expired, Unknown},
	Accepted:  {Running, Finished, Failed, Cancelled, Unknown},
	Running:   {Finished, Failed, Cancelled, Unknown},
	Unknown:   {Accepted, Running, Finished, Failed, Cancelled},
	Finished:  nil, Failed: nil, Cancelled: nil, Expired: nil,
}

// Known reports whether it is one of the states above.
func (s JobState) Known() bool {
	_, ok := next[s]
	return ok
}

// Done reports whether nothing more will happen to the job.
func (s JobState) Done() bool { return len(next[s]) == 0 }

// Started reports whether a start command may have left the house.
func (s JobState) Started() bool {
	switch s {
	case Sending, Accepted, Running, Unknown:
		return true
	case Queued, Claimed, Uploading, Ready, Finished, Failed, Cancelled, Expired:
	}
	return false
}

// Preparing reports whether the job holds its printer but nothing was sent yet.
func (s JobState) Preparing() bool {
	return s == Claimed || s == Uploading || s == Ready
}

// Job is one print of one plate on one printer. ID is positive and below 2³¹:
// printers clamp larger task ids and then take every job for the same.
type Job struct {
	ID       int64    `json:"id,string"`
	OwnerID  int64    `json:"owner_id"`
	Serial   string   `json:"device_id"` // empty while a printer is to be chosen
	FileID   string   `json:"file_id"`
	FileName string   `json:"file_name"`
	Plate    int      `json:"plate"` // from 1
	State    JobState `json:"state"`
	Why      string   `json:"why,omitempty"` // in words: why it waits, failed or is unknown
	// Waits is the same of a job that waits, for who says it in words of their own; nil
	// where Why says all that the server knows.
	Waits   *Misfit `json:"waits,omitempty"`
	Failure string  `json:"failure,omitempty"` // stable word for a failure
	Percent int     `json:"percent"`           // of the print; while uploading, of the file
	Options Options `json:"options"`
	// Any is which printers may take it, for a job of whichever printer fits; nil for a
	// job of one printer.
	Any *Criteria `json:"any,omitempty"`
	// Position is its place in its owner's line: the lowest comes first.
	Position  int64  `json:"position"`
	Mode      string `json:"mode"` // cloud_file; command when a client sent project_file itself; lan_file when it starts the print without the server
	ProfileID int64  `json:"profile_id"`
	ModelID   string `json:"model_id"`

	EstimateSeconds int     `json:"estimate_seconds"`
	WeightGrams     float64 `json:"weight_grams"`
	LengthMeters    float64 `json:"length_meters"`
	// Filaments are what the plate takes, as it was sliced; nil for jobs that were made
	// before this was kept.
	Filaments []Filament `json:"filaments,omitempty"`

	CreatedAt  time.Time `json:"created_at"`
	NotBefore  time.Time `json:"not_before,omitzero"` // not started before this
	ExpiresAt  time.Time `json:"expires_at"`          // not started after this while queued
	StartBy    time.Time `json:"start_by,omitzero"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`

	// RemotePath is where the file lies, or may lie, on the printer's own storage:
	// from before its upload begins until it is deleted there.
	RemotePath string `json:"remote_path,omitempty"`
	// RemoteToldAt is when a person was told that it can't be deleted.
	RemoteToldAt time.Time `json:"-"`

	// PicturedAt is when a picture was taken of its end; zero: there is none.
	PicturedAt time.Time `json:"-"`
	// SnapshotURL is where that is fetched without a credential, within an hour; not
	// stored.
	SnapshotURL string `json:"snapshot_url,omitempty"`
	// CoverURL is where the plate's picture is, if it has one, fetched likewise.
	CoverURL string `json:"cover_url,omitempty"`
	// FileYours is whether its file is in the library of whoever asks, without which
	// they can't print it again: a guest prints files of their own. Not stored.
	FileYours bool `json:"file_yours"`

	// Revision is a word for what is asked of a job that waits, another after each change
	// of plate, options, time or printers; not stored.
	Revision string `json:"revision,omitempty"`

	Attempt *Attempt `json:"attempt,omitempty"`
	Version int64    `json:"-"` // grows with each change; the store compares it
}

// Attempt is the one row that must be on disk before the one start command of a
// job leaves the house.
type Attempt struct {
	JobID    int64     `json:"-"`
	Serial   string    `json:"-"`
	Nonce    string    `json:"nonce"` // sent as subtask_id, repeated by the printer
	NotAfter time.Time `json:"not_after"`
	SentAt   time.Time `json:"sent_at"`
}

// Options are a client's wishes for a print.
type Options struct {
	UseAMS        bool   `json:"use_ams"`
	AMSMapping    []int  `json:"ams_mapping,omitempty"` // index: filament of the file - 1; value: flat tray, -1 unused or external
	AutoMapped    bool   `json:"auto_mapped,omitempty"` // the server chose the mapping, when the print was started
	BedType       string `json:"bed_type,omitempty"`
	BedLeveling   bool   `json:"bed_leveling"`
	FlowCali      bool   `json:"flow_cali"`
	VibrationCali bool   `json:"vibration_cali"`
	LayerInspect  bool   `json:"layer_inspect"`
	Timelapse     bool   `json:"timelapse"`
}

// MoveTo changes the state, and with it what the job waited for, or refuses with Conflict.
func (j *Job) MoveTo(to JobState) error {
	if !slices.Contains(next[j.State], to) {
		return Errorf(Conflict, "job_state", "job %d is %s, it cannot become %s", j.ID, j.State, to)
	}
	j.State, j.Waits = to, nil
	return nil
}

// TaskID is the job's id as printers and the vendor's clients read it.
func (j *Job) TaskID() string { return strconv.FormatInt(j.ID, 10) }
