package cloud

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountNotification(rt *rest.Router) {
	const at = iotService + "/user/notification"
	read := get(at, tagAccount, "My notifications; with a ticket, whether an upload is finished")
	read.About = "With `ticket`, `message` is `running` or `success`, and any other word is a failure. Such polls do not count as requests."
	read.Uncounted = func(r *http.Request) bool { return r.URL.Query().Get("ticket") != "" }
	rest.Handle(rt, read, f.notifications)
	rest.Handle(rt, op(http.MethodPut, at, tagAccount, "Tell that an upload is finished, or mark a notification"), f.changeNotification)
	rest.Handle(rt, get(userService+"/my/messages", tagAccount, "My notifications, as messages"), f.messages)
}

type notificationsInput struct {
	rest.Paging
	Action string `query:"action"`
	Ticket string `query:"ticket" doc:"The upload_ticket of an upload."`
	Unread bool   `query:"unread"`
}

// notificationsOut is the answer to either use of the path.
type notificationsOut = rest.Either[cloudapi.Notifications, cloudapi.UploadState]

func (f *face) notifications(ctx context.Context, in *notificationsInput) (notificationsOut, error) {
	if in.Ticket != "" {
		state, err := f.uploadState(ctx, in.Ticket)
		return notificationsOut{Other: &state}, err
	}
	list, err := f.noticeList(ctx, in)
	return notificationsOut{One: &list}, err
}

func (f *face) noticeList(ctx context.Context, in *notificationsInput) (cloudapi.Notifications, error) {
	page := in.Want()
	list, err := f.Feed.Notifications(ctx, rest.Actor(ctx), in.Unread, page)
	items := make([]cloudapi.Notice, 0, len(list.Items))
	for _, n := range list.Items {
		items = append(items, cloudapi.Notice{
			ID: n.ID, Type: string(n.Type), Message: n.Message, Timestamp: timestamp(n.CreatedAt), Read: n.Read,
			DeviceID: n.DeviceID, JobID: n.JobID,
		})
	}
	return cloudapi.Notifications{
		Envelope: cloudapi.Success(), Notifications: items, Data: cloudapi.NotificationsData{Notifications: items},
		Total: list.Total, Pagination: cloudapi.Pages(list.Total, list.More, page),
	}, err
}

func (f *face) uploadState(ctx context.Context, ticket string) (cloudapi.UploadState, error) {
	file, err := f.Library.FileByTicket(ctx, rest.Actor(ctx), ticket)
	switch file.State {
	case grove.Awaiting:
		return cloudapi.UploadState{Message: cloudapi.UploadRunning}, err
	case grove.Rejected:
		return cloudapi.UploadState{Message: firstText(file.Problem, "failed")}, err
	case grove.Stored:
	}
	return cloudapi.UploadState{Message: cloudapi.UploadDone}, err
}

type notificationChange struct {
	Body cloudapi.NotificationChange
}

func (f *face) changeNotification(ctx context.Context, in *notificationChange) (cloudapi.Envelope, error) {
	b := in.Body
	switch {
	case b.Upload != nil:
		return f.uploadFinished(ctx, b.Upload.Ticket)
	case b.NotificationID != "":
		return cloudapi.Success(), f.Feed.Mark(ctx, rest.Actor(ctx), b.NotificationID, b.Read == nil || *b.Read)
	}
	return cloudapi.Envelope{}, grove.Errorf(grove.Invalid, "missing_field",
		"send either upload with its ticket, or notification_id with read")
}

func (f *face) uploadFinished(ctx context.Context, ticket string) (cloudapi.Envelope, error) {
	if err := rest.Need("upload.ticket", ticket); err != nil {
		return cloudapi.Envelope{}, err
	}
	file, err := f.Library.FileByTicket(ctx, rest.Actor(ctx), ticket)
	if err != nil {
		return cloudapi.Envelope{}, err
	}
	_, err = f.Library.Confirm(ctx, rest.Actor(ctx), file.ID)
	return cloudapi.Success(), err
}

type messagesInput struct {
	rest.Paging
	Type int `query:"type" doc:"Tolerated: all messages here are of prints."`
}

func (f *face) messages(ctx context.Context, in *messagesInput) (cloudapi.Messages, error) {
	page := in.Want()
	list, err := f.Feed.Messages(ctx, rest.Actor(ctx), page)
	out := cloudapi.Messages{Hits: []cloudapi.Message{}, Total: list.Total, Pagination: cloudapi.Pages(list.Total, list.More, page)}
	for i := range list.Items {
		out.Hits = append(out.Hits, messageOf(&list.Items[i]))
	}
	return out, err
}

func messageOf(n *grove.Notification) cloudapi.Message {
	return cloudapi.Message{
		ID: n.Number, NotificationID: n.ID, Type: cloudapi.MessageOfPrint, CreateTime: timestamp(n.CreatedAt), Read: n.Read,
		TaskMessage: cloudapi.TaskMessage{ID: taskNumber(n.JobID), Title: n.Message, Status: statusOfNotice(n.Type), DeviceID: n.DeviceID},
		From:        cloudapi.Sender{Name: "Grove"},
	}
}

// statusOfNotice is how the task that a notification tells of stands.
func statusOfNotice(t grove.EventType) int {
	if t == grove.PrintCompleted {
		return cloudapi.TaskFinished
	}
	if t == grove.PrintFailed {
		return cloudapi.TaskFailed
	}
	return cloudapi.TaskPending
}
