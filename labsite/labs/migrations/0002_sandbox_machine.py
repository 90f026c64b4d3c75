from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labs", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="sandbox",
            name="machine",
            field=models.JSONField(
                blank=True, default=dict, help_text="of a virtual machine: how it runs, when each phase was over"
            ),
        ),
    ]
