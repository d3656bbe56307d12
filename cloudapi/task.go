package cloudapi

import "github.com/grovecloud/grove"

// The states of a task. Clients disagree on their meaning; these are what live
// captures and the slicer say.
const (
	TaskPending  = 1
	TaskFinished = 2
	TaskFailed   = 3 // also cancelled and expired
	TaskRunning  = 4
)

// TaskStatus is a job's state as the vendor's number. Some clients call 2 running
// and 4 failed; their own source contradicts captures.
func TaskStatus(state grove.JobState) int {
	switch state {
	case grove.Running:
		return TaskRunning
	case grove.Finished:
		return TaskFinished
	case grove.Failed, grove.Cancelled, grove.Expired:
		return TaskFailed
	case grove.Queued, grove.Claimed, grove.Uploading, grove.Ready, grove.Sending, grove.Accepted, grove.Unknown:
	}
	return TaskPending
}

// Tasks is GET /v1/user-service/my/tasks, newest first. Total is a plain integer:
// typed clients fail on anything else.
type Tasks struct {
	Total      int               `json:"total"`
	Hits       []Task            `json:"hits"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// Task is one print in the history. Cover is fetched without a credential. Times
// are RFC 3339; weight is grams, length centimetres, costTime seconds.
type Task struct {
	ID               int64            `json:"id"`
	DesignID         int64            `json:"designId"`
	DesignTitle      string           `json:"designTitle"`
	InstanceID       int64            `json:"instanceId"`
	ModelID          string           `json:"modelId"`
	Title            string           `json:"title"`
	Cover            string           `json:"cover"`
	Status           int              `json:"status"`
	FailedType       int              `json:"failedType"`
	FeedbackStatus   int              `json:"feedbackStatus"`
	StartTime        string           `json:"startTime"`
	EndTime          string           `json:"endTime"`
	Weight           float64          `json:"weight"`
	Length           float64          `json:"length"`
	CostTime         int              `json:"costTime"`
	ProfileID        int64            `json:"profileId"`
	PlateIndex       int              `json:"plateIndex"`
	PlateName        string           `json:"plateName"`
	DeviceID         string           `json:"deviceId"`
	DeviceModel      string           `json:"deviceModel"`
	DeviceName       string           `json:"deviceName"`
	BedType          string           `json:"bedType"`
	JobType          int              `json:"jobType"`
	Mode             string           `json:"mode"` // cloud_file or lan_file
	IsPublicProfile  bool             `json:"isPublicProfile"`
	IsPrintable      bool             `json:"isPrintable"`
	IsDelete         bool             `json:"isDelete"`
	AMSDetailMapping []AMSDetail      `json:"amsDetailMapping"`
	Material         TaskMaterial     `json:"material"`
	NozzleInfos      []map[string]any `json:"nozzleInfos"`
	SnapShot         string           `json:"snapShot"`
}

// AMSDetail says which slot a filament of the file comes from.
type AMSDetail struct {
	AMS                int     `json:"ams"` // flat slot
	SourceColor        string  `json:"sourceColor"`
	TargetColor        string  `json:"targetColor"`
	FilamentID         string  `json:"filamentId"`
	FilamentType       string  `json:"filamentType"`
	TargetFilamentType string  `json:"targetFilamentType"`
	Weight             float64 `json:"weight"`
	NozzleID           int     `json:"nozzleId"`
	AMSID              int     `json:"amsId"`
	SlotID             int     `json:"slotId"`
}

// TaskMaterial is always empty here; its keys are read without asking.
type TaskMaterial struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// TaskRequest is POST /v1/user-service/my/task, which makes a task and has it
// printed. Clients send many more keys; they are allowed and unheeded.
type TaskRequest struct {
	ModelID    string `json:"modelId,omitempty"`
	Title      string `json:"title,omitempty"`
	DeviceID   string `json:"deviceId,omitempty"`
	Cover      string `json:"cover,omitempty"`
	ProfileID  Int    `json:"profileId,omitempty"` // sent as a number or as text
	PlateIndex Int    `json:"plateIndex,omitempty"`
	Mode       string `json:"mode,omitempty"`
	BedType    string `json:"bedType,omitempty"`

	UseAMS        bool   `json:"useAms,omitempty"`
	AMSMapping    []int  `json:"amsMapping,omitempty"`
	AMSMapping2   []Slot `json:"amsMapping2,omitempty"` // heeded where amsMapping is not there
	BedLeveling   bool   `json:"bedLeveling,omitempty"`
	FlowCali      bool   `json:"flowCali,omitempty"`
	VibrationCali bool   `json:"vibrationCali,omitempty"`
	LayerInspect  bool   `json:"layerInspect,omitempty"`
	Timelapse     bool   `json:"timelapse,omitempty"`
}

// Slot is a slot of a filament unit; 255 is the external spool.
type Slot struct {
	AMSID  int `json:"amsId"`
	SlotID int `json:"slotId"`
}

// TaskCreated is the answer to POST /v1/user-service/my/task. ID is a number.
type TaskCreated struct {
	Envelope
	ID int64 `json:"id"`
}

// UserTasks is GET …/user/task, under each name that its only client tries.
type UserTasks struct {
	Envelope
	Tasks      []Task            `json:"tasks"`
	Hits       []Task            `json:"hits"`
	Total      int               `json:"total"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// UserTask is GET …/user/task/{id}, the task as the slicer shows it. Content is a
// JSON text inside a string, as observed.
type UserTask struct {
	Envelope
	Parent     *string      `json:"parent"`
	ModelID    string       `json:"model_id"`
	ProjectID  string       `json:"project_id"`
	ProfileID  string       `json:"profile_id"`
	Status     string       `json:"status"`
	Name       string       `json:"name"`
	Content    string       `json:"content"`
	Context    Context      `json:"context"`
	CreateTime string       `json:"create_time"`
	UpdateTime string       `json:"update_time"`
	SubTask    *string      `json:"sub_task"`
	Subtask    *string      `json:"subtask"`
	Estimate   int          `json:"est"` // seconds
	URL        string       `json:"url"`
	MD5        string       `json:"md5"`
	Data       UserTaskData `json:"data"`
}

// UserTaskData is the task as documented.
type UserTaskData struct {
	TaskID      string `json:"task_id"`
	DeviceID    string `json:"device_id"`
	Status      string `json:"status"`
	Progress    int    `json:"progress"` // percent
	FileName    string `json:"file_name"`
	StartedAt   string `json:"started_at"`   // RFC 3339; empty: not yet
	CompletedAt string `json:"completed_at"` // RFC 3339; empty: not yet
}
