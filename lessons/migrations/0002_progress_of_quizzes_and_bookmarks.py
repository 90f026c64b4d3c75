import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('lessons', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='progress', name='one_progress_per_task'),
        migrations.RenameField(model_name='progress', old_name='task', new_name='item'),
        migrations.AddField(
            model_name='progress',
            name='kind',
            field=models.CharField(choices=[('task', 'Task'), ('quiz', 'Quiz')], default='task', max_length=8),
        ),
        migrations.AddConstraint(
            model_name='progress',
            constraint=models.UniqueConstraint(fields=('user', 'course', 'lesson', 'kind', 'item'), name='one_progress_per_item'),
        ),
        migrations.CreateModel(
            name='Bookmark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('course', models.CharField(max_length=80)),
                ('lesson', models.CharField(max_length=80)),
                ('step', models.CharField(max_length=80)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bookmarks', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'course', 'lesson'), name='one_bookmark_per_lesson')],
            },
        ),
    ]
