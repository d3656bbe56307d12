package cloud

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountProject(rt *rest.Router) {
	const at = iotService + "/user/project"
	rest.Handle(rt, get(at, tagFile, "My projects: each finished upload is one"), f.projects)
	rest.Handle(rt, post(at, tagFile, "Make a project and get a signed link for its file"), f.newProject)
	rest.Handle(rt, get(at+"/{id}", tagFile, "One of my projects"), f.project)
	patch := op(http.MethodPatch, at+"/{id}", tagFile, "Tolerated: say where a project's printable file lies")
	patch.About = "Only files that were uploaded here are printed, so nothing is kept of this."
	rest.Handle(rt, patch, f.patchProject)
	rest.Handle(rt, get(iotService+"/user/profile/{id}", tagFile, "The sliced form of a project, with a link to it"), f.printProfile)
}

// active is the only status that projects have here.
const active = "ACTIVE"

func (f *face) projects(ctx context.Context, in *struct{ rest.Paging }) (cloudapi.Projects, error) {
	page := in.Want()
	list, err := f.Library.Projects(ctx, rest.Actor(ctx), page)
	out := cloudapi.Projects{
		Envelope: cloudapi.Success(), Projects: []cloudapi.Project{}, Total: list.Total,
		Pagination: cloudapi.Pages(list.Total, list.More, page),
		Data:       cloudapi.ProjectsData{Projects: []cloudapi.ProjectItem{}, Total: list.Total},
	}
	out.Data.Page = out.Pagination.Page
	for i := range list.Items {
		file := &list.Items[i]
		p := projectOf(file)
		p.Files = []cloudapi.FileItem{f.itemOf(file)}
		out.Projects = append(out.Projects, p)
		out.Data.Projects = append(out.Data.Projects, cloudapi.ProjectItem{
			ProjectID: p.ProjectID, Name: p.Name, CreatedAt: timestamp(file.CreatedAt), FileCount: 1,
		})
	}
	return out, err
}

func projectOf(file *grove.File) cloudapi.Project {
	created := cloudapi.FormatTime(file.CreatedAt)
	return cloudapi.Project{
		ProjectID: decimal(file.ProjectID), UserID: decimal(file.OwnerID), ModelID: file.ModelID, Status: active, Name: file.Name,
		Content: "{}", CreateTime: created, UpdateTime: firstText(cloudapi.FormatTime(file.StoredAt), created),
	}
}

type projectInput struct {
	Body cloudapi.ProjectRequest
}

// newProject is not counted as an upload: one print of the slicer makes a project
// and an upload.
func (f *face) newProject(ctx context.Context, in *projectInput) (cloudapi.ProjectCreated, error) {
	if err := rest.Need("name", in.Body.Name); err != nil {
		return cloudapi.ProjectCreated{}, err
	}
	up, err := f.Library.NewProject(ctx, rest.Actor(ctx), in.Body.Name)
	return cloudapi.ProjectCreated{
		Envelope: cloudapi.Success(), ProjectID: decimal(up.File.ProjectID), ModelID: up.File.ModelID, ProfileID: decimal(up.File.ProfileID),
		UploadURL: up.URL, UploadTicket: up.File.Ticket,
	}, err
}

func (f *face) project(ctx context.Context, in *ByNumber) (cloudapi.ProjectDetail, error) {
	file, err := f.projectFile(ctx, in)
	if err != nil {
		return cloudapi.ProjectDetail{}, err
	}
	p := projectOf(&file)
	return cloudapi.ProjectDetail{
		Envelope: cloudapi.Success(), ProjectID: p.ProjectID, UserID: p.UserID, ModelID: p.ModelID, Status: p.Status, Name: p.Name,
		Content: p.Content, CreateTime: p.CreateTime, UpdateTime: p.UpdateTime,
		Profiles: []cloudapi.PrintProfile{f.profileOf(&file)}, DownloadURL: f.contentURL(&file), DownloadMD5: file.MD5,
		UploadTicket: file.Ticket,
	}, nil
}

func (f *face) projectFile(ctx context.Context, in *ByNumber) (grove.File, error) {
	id, err := in.number("project")
	if err != nil {
		return grove.File{}, err
	}
	return f.Library.FileByProject(ctx, rest.Actor(ctx), id)
}

type patchInput struct {
	ByNumber
	Body *cloudapi.ProjectPatch
}

func (f *face) patchProject(ctx context.Context, in *patchInput) (cloudapi.Envelope, error) {
	_, err := f.projectFile(ctx, &in.ByNumber)
	return cloudapi.Success(), err
}

func (f *face) printProfile(ctx context.Context, in *ByNumber) (cloudapi.ProfileDetail, error) {
	id, err := in.number("profile")
	if err != nil {
		return cloudapi.ProfileDetail{}, err
	}
	file, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), id)
	if err != nil {
		return cloudapi.ProfileDetail{}, err
	}
	return cloudapi.ProfileDetail{Envelope: cloudapi.Success(), PrintProfile: f.profileOf(&file), FileName: file.Name}, nil
}

func (f *face) profileOf(file *grove.File) cloudapi.PrintProfile {
	p := projectOf(file)
	return cloudapi.PrintProfile{
		ProfileID: decimal(file.ProfileID), ModelID: file.ModelID, Status: active, Name: file.Name, Content: p.Content,
		CreateTime: p.CreateTime, UpdateTime: p.UpdateTime, URL: f.contentURL(file), MD5: file.MD5, Context: f.contextOf(file),
	}
}

// compatibility is the printer a file was sliced for; empty when it says none.
func compatibility(file *grove.File) cloudapi.Compatibility {
	m, _ := bambu.LookupModel(file.Model)
	c := cloudapi.Compatibility{ModelName: file.Model, ProductName: m.Name, NozzleDiameter: usualNozzle}
	for _, p := range file.Plates {
		if p.NozzleDiameter > 0 {
			c.NozzleDiameter = p.NozzleDiameter
			break
		}
	}
	return c
}
