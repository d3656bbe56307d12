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
}

type notificationsInput struct {
	rest.VendorPaging
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
