package grove

import (
	"fmt"
	"time"
)

// EventType names a kind of fact.
type EventType string

// The specification's six events, then Grove's own.
const (
	PrintStarted        EventType = "print.started"
	PrintCompleted      EventType = "print.completed"
	PrintFailed         EventType = "print.failed"
	DeviceOnline        EventType = "device.online"
	DeviceOffline       EventType = "device.offline"
	NotificationCreated EventType = "notification.created"
	NotificationSettled EventType = "notification.settled" // what it asked for is done, so that it counts as read

	JobQueued    EventType = "job.queued"
	JobWaiting   EventType = "job.waiting"
	JobChanged   EventType = "job.changed" // by its status: somebody changed what is asked of a waiting job, or moved it in the line; or it is uploading, sending, accepted
	JobStarted   EventType = "job.started"
	JobFinished  EventType = "job.finished"
	JobFailed    EventType = "job.failed"
	JobCancelled EventType = "job.cancelled"
	JobExpired   EventType = "job.expired"
	JobUnknown   EventType = "job.unknown"
	PrinterError EventType = "printer.error"
	PlateToClear EventType = "printer.plate_to_clear"
	PlateCleared EventType = "printer.plate_cleared" // as a person said
	HeatEnding   EventType = "printer.heat_ending"   // heat without a print, soon switched off
	HeatOff      EventType = "printer.heat_off"      // it was
	StorageLeft  EventType = "printer.storage_left"  // a print's file can't be deleted from the printer
	// PrinterQuarantined: who answers at its address shows another key than its own.
	PrinterQuarantined EventType = "printer.quarantined"
	BridgeConnected    EventType = "bridge.connected"
	BridgeDisconnected EventType = "bridge.disconnected" // and did not come back soon
	WebhookTest        EventType = "webhook.test"        // only ever sent by an endpoint's test
)

// EventTypes are all that a webhook endpoint may subscribe to.
func EventTypes() []EventType {
	return []EventType{
		PrintStarted, PrintCompleted, PrintFailed, DeviceOnline, DeviceOffline, NotificationCreated, NotificationSettled,
		JobQueued, JobWaiting, JobChanged, JobStarted, JobFinished, JobFailed, JobCancelled, JobExpired, JobUnknown,
		PrinterError, PlateToClear, PlateCleared, HeatEnding, HeatOff, PrinterQuarantined, StorageLeft,
		BridgeConnected, BridgeDisconnected,
	}
}

// Event is a fact, stored in the transaction of the change it reports.
type Event struct {
	ID     int64     `json:"id"` // grows; assigned by the store
	UserID int64     `json:"-"`  // whose event it is
	Type   EventType `json:"type"`
	At     time.Time `json:"timestamp"`
	Data   EventData `json:"data"`
}

// EventData is what an event says. A print begun at the printer's screen has no JobID.
type EventData struct {
	DeviceID   string `json:"device_id"`
	DeviceName string `json:"device_name"`
	JobID      string `json:"job_id,omitempty"`
	FileName   string `json:"file_name,omitempty"`
	Status     string `json:"status"`
	Reason     string `json:"reason,omitempty"`
	// BridgeID and BridgeName are set on bridge.connected and bridge.disconnected, which
	// are of no one printer.
	BridgeID   string `json:"bridge_id,omitempty"`
	BridgeName string `json:"bridge_name,omitempty"`
	// NotificationID is set on notification.created, with the Message, and on notification.settled.
	NotificationID string `json:"notification_id,omitempty"`
	Message        string `json:"message,omitempty"`
}

// Notification is a fact that a person should see.
type Notification struct {
	ID        string    `json:"id"`
	Number    int64     `json:"-"` // for clients that read a number: unique, grows
	UserID    int64     `json:"-"`
	Type      EventType `json:"type"`
	Message   string    `json:"message"`
	Data      EventData `json:"data"` // what the event said, for who says it in other words
	DeviceID  string    `json:"device_id"`
	JobID     string    `json:"job_id,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	Read      bool      `json:"read"` // also once what it asks for is done
}

// Notice says what a person should be told of e, if anything. The store keeps
// the notification in e's transaction and adds a notification.created event.
func (e Event) Notice() (message string, ok bool) {
	d := e.Data
	what := d.FileName
	if what == "" {
		what = "a print"
	}
	switch e.Type {
	case PrintCompleted:
		return fmt.Sprintf("%s finished %s.", d.DeviceName, what), true
	case PrintFailed:
		return fmt.Sprintf("%s stopped before the end of %s: %s", d.DeviceName, what, d.Reason), true
	case PrinterError:
		return fmt.Sprintf("%s reports an error: %s", d.DeviceName, d.Reason), true
	case PlateToClear:
		return "Clear the plate of " + d.DeviceName + " and confirm it; nothing starts there before.", true
	case HeatEnding:
		return d.DeviceName + " heats without a print: " + d.Reason, true
	case PrinterQuarantined:
		return d.DeviceName + " is in quarantine, and nothing is sent to it: " + d.Reason, true
	case BridgeDisconnected:
		return "The bridge " + d.BridgeName + " is not connected, so the printers behind it are not reached: " + d.Reason, true
	case StorageLeft:
		return fmt.Sprintf("The file of %s can't be deleted from the storage of %s: %s", what, d.DeviceName, d.Reason), true
	case JobUnknown:
		return fmt.Sprintf("It is not known whether %s began on %s. Look at the printer and say so: %s", what, d.DeviceName, d.Reason), true
	case DeviceOffline:
		if d.Status == "printing" {
			return d.DeviceName + " went offline while printing. The printer goes on by itself; only the view is lost.", true
		}
	case PrintStarted, DeviceOnline, NotificationCreated, NotificationSettled, JobQueued, JobWaiting, JobChanged, JobStarted, JobFinished,
		JobFailed, JobCancelled, JobExpired, PlateCleared, HeatOff, BridgeConnected, WebhookTest:
	}
	return "", false
}

// settles is which notifications a fact leaves nothing to do for.
var settles = map[EventType]EventType{
	PlateCleared: PlateToClear,
	PrintStarted: PlateToClear, // somebody took the last print away
	DeviceOnline: DeviceOffline,
	JobChanged:   JobUnknown, // the printer took the start after all
	JobStarted:   JobUnknown,
	JobFinished:  JobUnknown,
	JobFailed:    JobUnknown,
	JobCancelled: JobUnknown,
}

// Settles says which notifications of e's printer ask for nothing any more: those of
// this type, and where ofJob is true only those of e's job. The store marks them as read
// in e's transaction, whoever got them, and adds a notification.settled event for each of
// e's owner and of whoever may see its printer now.
func (e Event) Settles() (t EventType, ofJob, ok bool) {
	t, ok = settles[e.Type]
	return t, t == JobUnknown, ok && e.Data.DeviceID != ""
}
