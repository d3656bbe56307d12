package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountUsers(rt *rest.Router) {
	const tag = "users"
	list := get("/users", tag, "Everybody's accounts")
	list.About = "For those who run the server: owners and admins."
	rest.Handle(rt, list, f.users)
	role := fresh(op(http.MethodPut, "/users/{id}/role", tag, "Give an account another role"))
	role.About = "It counts at once. Only owners make and unmake owners, and the last one stays."
	rest.Handle(rt, role, f.setRole)
	lock := fresh(post("/users/{id}/lock", tag, "Lock an account out"))
	lock.About = "For owners, and for admins as to those who do not run the server. Within a second its sessions, API keys and bridges count no more and what came in by them is cut. " +
		"Its printers stay its own and go on with what they print; jobs that wait are held. Nobody locks their own account, and one owner always remains."
	rest.Handle(rt, lock, f.lock)
	unlock := fresh(post("/users/{id}/unlock", tag, "Let a locked account in again"))
	unlock.About = "Rights, API keys and bridges count again; sessions, codes, tickets and links that ended with the lock do not."
	rest.Handle(rt, unlock, f.unlock)
}

func (f *face) users(ctx context.Context, in *paged) (cloudapi.Data[[]grove.User], error) {
	list, err := f.Access.Users(ctx, rest.Actor(ctx), in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type userInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (f *face) lock(ctx context.Context, in *userInput) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.Lock(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(u), err
}

func (f *face) unlock(ctx context.Context, in *userInput) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.Unlock(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(u), err
}

type roleInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.RoleRequest
}

func (f *face) setRole(ctx context.Context, in *roleInput) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.SetRole(ctx, rest.Actor(ctx), in.ID, in.Body.Role)
	return cloudapi.Of(u), err
}
