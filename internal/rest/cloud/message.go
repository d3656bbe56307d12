package cloud

import (
	"context"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountMessage(rt *rest.Router) {
	const at = userService + "/my/message"
	rest.Handle(rt, get(userService+"/my/messages", tagAccount, "My notifications, as messages"), f.messages)
	rest.Handle(rt, get(at+"/count", tagAccount, "How many messages there are, and how many I have not read"), f.messageCount)
	rest.Handle(rt, get(at+"/latest", tagAccount, "The newest message"), f.latestMessage)
	rest.Handle(rt, get(at+"/{id}", tagAccount, "One message"), f.message)
	read := post(at+"/read", tagAccount, "Mark messages as read")
	read.About = "Those in `ids` or `id`; all of them when neither is there."
	rest.Handle(rt, read, f.readMessages)
}

type messagesInput struct {
	rest.VendorPaging
	Type int `query:"type" doc:"0 all, 5 or 6 of prints; there are no others here, so that any other gives none."`
}

// messageTypePrint is how clients ask for messages of prints; the messages say 6 of
// themselves (OpenBambuAPI).
const messageTypePrint = 5

func (f *face) messages(ctx context.Context, in *messagesInput) (cloudapi.Messages, error) {
	switch in.Type {
	case 0, messageTypePrint, cloudapi.MessageOfPrint:
		return f.messagesOf(ctx, in.Want())
	}
	return cloudapi.Messages{Hits: []cloudapi.Message{}, Pagination: cloudapi.Pages(0, false, in.Want())}, nil
}

func (f *face) messagesOf(ctx context.Context, page grove.Page) (cloudapi.Messages, error) {
	list, err := f.Feed.Messages(ctx, rest.Actor(ctx), page)
	out := cloudapi.Messages{Hits: []cloudapi.Message{}, Total: list.Total, Pagination: cloudapi.Pages(list.Total, list.More, page)}
	for i := range list.Items {
		out.Hits = append(out.Hits, messageOf(&list.Items[i]))
	}
	return out, err
}

func (f *face) messageCount(ctx context.Context, _ *struct{}) (cloudapi.MessageCount, error) {
	all, err := f.Feed.Notifications(ctx, rest.Actor(ctx), false, grove.Page{Limit: 1})
	if err != nil {
		return cloudapi.MessageCount{}, err
	}
	unread, err := f.Feed.Notifications(ctx, rest.Actor(ctx), true, grove.Page{Limit: 1})
	return cloudapi.MessageCount{Total: all.Total, Count: unread.Total, Unread: unread.Total}, err
}

func (f *face) latestMessage(ctx context.Context, _ *struct{}) (cloudapi.Messages, error) {
	return f.messagesOf(ctx, grove.Page{Page: 1, Limit: 1})
}

func (f *face) message(ctx context.Context, in *ByNumber) (cloudapi.Message, error) {
	number, err := in.number("message")
	if err != nil {
		return cloudapi.Message{}, err
	}
	n, err := f.Feed.Notification(ctx, rest.Actor(ctx), number)
	return messageOf(&n), err
}

// mostMessages is how many messages can be marked at once.
const mostMessages = 100

func (f *face) readMessages(ctx context.Context, in *struct {
	Body *cloudapi.MessagesRead
},
) (cloudapi.Done, error) {
	var ids []cloudapi.Int
	if in.Body != nil {
		ids = in.Body.IDs
		if in.Body.ID != 0 {
			ids = append(ids, in.Body.ID)
		}
	}
	if len(ids) == 0 {
		return cloudapi.Done{}, f.Feed.ReadAll(ctx, rest.Actor(ctx))
	}
	if len(ids) > mostMessages {
		return cloudapi.Done{}, grove.Errorf(grove.Invalid, "too_many_ids", "up to %d messages can be marked at once; send fewer, or none for all", mostMessages)
	}
	var known []string
	for _, id := range ids {
		n, err := f.Feed.Notification(ctx, rest.Actor(ctx), int64(id))
		if err != nil {
			return cloudapi.Done{}, err
		}
		known = append(known, n.ID)
	}
	for _, id := range known {
		if err := f.Feed.Mark(ctx, rest.Actor(ctx), id, true); err != nil {
			return cloudapi.Done{}, err
		}
	}
	return cloudapi.Done{}, nil
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
