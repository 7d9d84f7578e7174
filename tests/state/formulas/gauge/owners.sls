gauge-owner: user.present
