package cloudapi

import (
	"encoding/json"

	"github.com/grovecloud/grove"
)

// Messages is GET /v1/user-service/my/messages.
type Messages struct {
	Hits       []Message         `json:"hits"`
	Total      int               `json:"total"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// MessageOfPrint is the type of a message that tells of a print.
const MessageOfPrint = 6

// Message is one message. ID is a number, since clients read one, and what the
// list goes on after; NotificationID is the same thing's id everywhere else.
type Message struct {
	ID             int64           `json:"id"`
	NotificationID string          `json:"notificationId"`
	Type           int             `json:"type"`
	Design         json.RawMessage `json:"design"`
	Comment        json.RawMessage `json:"comment"`
	TaskMessage    TaskMessage     `json:"taskMessage"`
	From           Sender          `json:"from"`
	CreateTime     string          `json:"createTime"` // RFC 3339
	Read           bool            `json:"read"`
}

// TaskMessage is what a message says of a print.
type TaskMessage struct {
	ID       int64  `json:"id"` // the task; 0 none
	Title    string `json:"title"`
	Cover    string `json:"cover"`
	Status   int    `json:"status"`
	DeviceID string `json:"deviceId"`
}

// Sender is who a message is from: always the server itself here.
type Sender struct {
	UID         int64  `json:"uid"`
	Name        string `json:"name"`
	Avatar      string `json:"avatar"`
	FanCount    int    `json:"fanCount"`
	FollowCount int    `json:"followCount"`
	LikeCount   int    `json:"likeCount"`
	IsFollowed  bool   `json:"isFollowed"`
}

// MessageCount is GET /v1/user-service/my/message/count. No capture shows it.
type MessageCount struct {
	Total  int `json:"total"`
	Count  int `json:"count"` // not read yet
	Unread int `json:"unread"`
}

// MessagesRead is POST /v1/user-service/my/message/read.
type MessagesRead struct {
	ID  Int   `json:"id,omitempty"`
	IDs []Int `json:"ids,omitempty"`
}
